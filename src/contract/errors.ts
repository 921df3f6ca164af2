import type { InvalidOptionsError } from "../core/errors.ts";
import { messageOf, OrchestratorError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { StoreError } from "./store-error.ts";
import type { Budget, Usage } from "./usage.ts";

/** What a run that rejected had paid for by then. */
export interface PartialRun {
  usage: Usage;
  /** US dollars; `null` where a price is not known. */
  costUsd: number | null;
  /** What there is of the content: an evidence bundle of the finished replicates, or `null`. */
  content: unknown;
}

const unitOf: Record<keyof Budget, string> = { tokens: "tokens", costUsd: "US dollars", timeMs: "milliseconds" };

function placesOf(budgetType: keyof Budget): string {
  const ofRun = `${budgetType === "timeMs" ? "options.timeoutMs, " : ""}options.budget.${budgetType}`;
  return `${ofRun}; of a bundle globalBudget.${budgetType}, of a replicate perReplicateBudget.${budgetType}`;
}

/**
 * A ceiling of the run would have been passed, so the next call was not started; a deadline counts as one
 * (`budgetType: "timeMs"`).
 *
 * @example
 * ```ts
 * if (BudgetExceeded.isInstance(error)) console.error(error.budgetType, error.limit, error.partial?.costUsd);
 * ```
 */
export class BudgetExceeded extends OrchestratorError {
  static readonly code = "BUDGET_EXCEEDED";
  readonly code = BudgetExceeded.code;
  /** Which ceiling. */
  readonly budgetType: keyof Budget;
  /** The ceiling, in the unit of `budgetType`. */
  readonly limit: number;
  /** What would have been used, the refused call included. */
  readonly actual: number;
  /** What the run waited for when its time was up; left out where a call was refused before. */
  declare readonly waitedFor?: string;
  /** What the run had paid for by then. */
  declare readonly partial?: PartialRun;

  constructor(
    budgetType: keyof Budget,
    limit: number,
    actual: number,
    options?: { waitedFor?: string | undefined; partial?: PartialRun | undefined; cause?: unknown },
  ) {
    const needed = budgetType === "timeMs" ? Math.ceil(actual) : Number(actual.toPrecision(12));
    const what = options?.waitedFor
      ? `The deadline of ${limit} ms passed while the run waited for ${options.waitedFor}`
      : `Budget exceeded: ${budgetType} is limited to ${limit} ${unitOf[budgetType]}, and ${needed} are needed`;
    super(`${what}. Raise the ceiling (${placesOf(budgetType)}), or ask for less.`, options);
    this.budgetType = budgetType;
    this.limit = limit;
    this.actual = actual;
    if (options?.waitedFor) this.waitedFor = options.waitedFor;
    if (options?.partial) this.partial = options.partial;
  }
}

/** A tool failed. Thrown by `unwrap`; `run` itself resolves with `status: "failed"`. */
export class ToolExecutionError extends OrchestratorError {
  static readonly code = "TOOL_EXECUTION";
  readonly code = ToolExecutionError.code;
  /** The tool that failed. */
  readonly toolName: string;
  /** What the tool threw. */
  readonly error: unknown;

  constructor(toolName: string, error: unknown, options: { cause?: unknown } = { cause: error }) {
    super(`Tool "${toolName}" failed: ${messageOf(error)}`, options);
    this.toolName = toolName;
    this.error = error;
  }
}

/** An idempotency key is taken: by another request (`"fingerprint"`), or by a run in flight (`"in_flight"`). */
export class ConflictError extends OrchestratorError {
  static readonly code = "CONFLICT";
  readonly code = ConflictError.code;
  /** The idempotency key. */
  readonly key: string;
  /** Whether another request has the key, or a run of the same request is in flight. */
  readonly reason: "fingerprint" | "in_flight";

  constructor(key: string, message: string, options?: { reason?: "fingerprint" | "in_flight" | undefined }) {
    super(`Conflict for key ${key}: ${message}`);
    this.key = key;
    this.reason = options?.reason ?? "fingerprint";
  }
}

/** The caller's signal, `stream.cancel()` or leaving the stream ended the run. `cause` is the signal's reason. */
export class CancelledError extends OrchestratorError {
  static readonly code = "CANCELLED";
  readonly code = CancelledError.code;
  /** What the run had paid for by then. */
  declare readonly partial?: PartialRun;

  constructor(reason: unknown, options?: { partial?: PartialRun | undefined }) {
    super(`The run was cancelled: ${messageOf(reason)}`, { cause: reason });
    if (options?.partial) this.partial = options.partial;
  }
}

/** No tool of that name is registered. */
export class ToolNotFoundError extends OrchestratorError {
  static readonly code = "TOOL_NOT_FOUND";
  readonly code = ToolNotFoundError.code;
  /** The names of the registered tools. */
  readonly available: readonly string[];

  constructor(toolName: string, available: readonly string[]) {
    const guess = nearest(toolName, available);
    const registered = available.length === 0 ? "No tool is registered" : `Registered: ${available.join(", ")}`;
    super(
      `No tool is named "${toolName}".${guess ? ` Did you mean "${guess}"?` : ""} ${registered}. ` +
        "Register it with client.registerTool(tool), or pass the tool itself as `tool`.",
    );
    this.available = available;
  }
}

/** The planner found no tool that can run. */
export class PlanningError extends OrchestratorError {
  static readonly code = "PLANNING";
  readonly code = PlanningError.code;
  /** Per tool, why it cannot run. */
  readonly reasons: Record<string, string>;

  constructor(message: string, reasons: Record<string, string>, options?: { cause?: unknown }) {
    const list = Object.entries(reasons).map(([tool, reason]) => `\n  - ${tool}: ${reason}`);
    super(`${message}${list.join("")}`, options);
    this.reasons = reasons;
  }
}

/** Every error that a run can reject with, told apart by `code`. */
export type AnyOrchestratorError =
  | BudgetExceeded
  | ToolExecutionError
  | ConflictError
  | CancelledError
  | InvalidOptionsError
  | ToolNotFoundError
  | PlanningError
  | StoreError;

/** Narrows anything caught to the errors that a run rejects with, so that `switch (error.code)` narrows further. */
export function isOrchestratorError(error: unknown): error is AnyOrchestratorError {
  return OrchestratorError.isInstance(error);
}
