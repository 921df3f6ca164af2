import { type InvalidOptionsError, messageOf, OrchestratorError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { Budget, Usage } from "./usage.ts";

/** Usage and content that a run had paid for when it rejected. */
export interface PartialRun {
  usage: Usage;
  /** US dollars; `null` where a price is not known. */
  costUsd: number | null;
  /** Content so far: an evidence bundle of the finished replicates, or `null`. */
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
  /** Exceeded limit. */
  readonly budgetType: keyof Budget;
  /** The ceiling, in the unit of `budgetType`. */
  readonly limit: number;
  /** Amount that would have been used, the refused call included. */
  readonly actual: number;
  /** Thing that the run waited for when its time was up; left out where a call was refused before. */
  declare readonly waitedFor?: string;
  /** True where `actual` holds an estimate of the refused call; left out where it does not. */
  declare readonly isEstimate?: boolean;
  /** Reason why the refused call needed so much, if known. */
  declare readonly because?: string;
  /** Usage and content that the run had paid for. */
  declare readonly partial?: PartialRun;

  constructor(
    budgetType: keyof Budget,
    limit: number,
    actual: number,
    options?: {
      waitedFor?: string | undefined;
      partial?: PartialRun | undefined;
      cause?: unknown;
      isEstimate?: boolean | undefined;
      because?: string | undefined;
    },
  ) {
    const needed = budgetType === "timeMs" ? Math.ceil(actual) : Number(actual.toPrecision(12));
    const what = options?.waitedFor
      ? `The deadline of ${limit} ms passed while the run waited for ${options.waitedFor}`
      : `Budget exceeded: ${budgetType} is limited to ${limit} ${unitOf[budgetType]}, and ${
          options?.isEstimate ? `up to ${needed} could be used` : `${needed} are needed`
        }${options?.because ? `: ${options.because}` : ""}`;
    super(`${what}. Raise the ceiling (${placesOf(budgetType)}), or ask for less.`, options);
    this.budgetType = budgetType;
    this.limit = limit;
    this.actual = actual;
    if (options?.waitedFor) this.waitedFor = options.waitedFor;
    if (options?.isEstimate) this.isEstimate = true;
    if (options?.because) this.because = options.because;
    if (options?.partial) this.partial = options.partial;
  }
}

/** A tool failed. Thrown by `unwrap`; `run` itself resolves with `status: "failed"`. */
export class ToolExecutionError extends OrchestratorError {
  static readonly code = "TOOL_EXECUTION";
  readonly code = ToolExecutionError.code;
  /** The tool that failed. */
  readonly toolName: string;
  /** Error that the tool threw. */
  readonly error: unknown;
  /** Usage and content that the run had paid for. */
  declare readonly partial?: PartialRun;

  constructor(
    toolName: string,
    error: unknown,
    options: { cause?: unknown; partial?: PartialRun | undefined } = { cause: error },
  ) {
    super(`Tool "${toolName}" failed: ${messageOf(error)}`, options);
    this.toolName = toolName;
    this.error = error;
    if (options.partial) this.partial = options.partial;
  }
}

/**
 * An idempotency key is taken: by another request (`"fingerprint"`), by a run in flight (`"in_flight"`), or its review is
 * decided (`"decided"`).
 */
export class ConflictError extends OrchestratorError {
  static readonly code = "CONFLICT";
  readonly code = ConflictError.code;
  /** The idempotency key. */
  readonly key: string;
  /**
   * `"fingerprint"`: another request has the key. `"in_flight"`: a run of the same request is in flight. `"decided"`: the
   * review of the run was decided before.
   */
  readonly reason: ConflictReason;
  /** Milliseconds until the lease of the run in flight ends, where it is known. It is renewed for as long as its process lives. */
  declare readonly retryAfterMs?: number;

  constructor(
    key: string,
    message: string,
    options?: { reason?: ConflictReason | undefined; retryAfterMs?: number | undefined },
  ) {
    super(`Conflict for key ${key}: ${message}`);
    this.key = key;
    this.reason = options?.reason ?? "fingerprint";
    if (options?.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
  }
}

type ConflictReason = "fingerprint" | "in_flight" | "decided";

/** The caller's signal, `stream.cancel()` or leaving the stream ended the run. `cause` is the signal's reason. */
export class CancelledError extends OrchestratorError {
  static readonly code = "CANCELLED";
  readonly code = CancelledError.code;
  /** Usage and content that the run had paid for. */
  declare readonly partial?: PartialRun;

  constructor(reason: unknown, options?: { partial?: PartialRun | undefined }) {
    super(`The run was cancelled: ${messageOf(reason)}`, { cause: reason });
    if (options?.partial) this.partial = options.partial;
  }
}

/**
 * Reason why a job ended early. `authentication`: the key, or an unknown model. `quota_exhausted`: the account has no
 * money left. `gave_up`: `giveUpAfterMs` passed without one answer.
 */
export type JobStopReason = "authentication" | "quota_exhausted" | "gave_up";

/**
 * `runMany` ended before its last request, for what waiting does not mend. What had settled was given out before; the
 * requests without a result can be asked again.
 *
 * @example
 * ```ts
 * if (JobStoppedError.isInstance(error)) console.error(error.reason, error.unsent);
 * ```
 */
export class JobStoppedError extends OrchestratorError {
  static readonly code = "JOB_STOPPED";
  readonly code = JobStoppedError.code;
  /** Reason of the end. */
  readonly reason: JobStopReason;
  /**
   * Requests that were never sent to a provider. Those of an iterable that does not know its length are counted as far
   * as they were taken.
   */
  readonly unsent: number;
  /** Event, as a sentence without its full stop. */
  readonly what: string;

  constructor(reason: JobStopReason, unsent: number, what: string, options?: { cause?: unknown }) {
    const event = what.replace(/\.$/, "");
    super(`The job stopped, with ${unsent} requests never sent: ${event}. ${adviceFor[reason]}`, options);
    this.reason = reason;
    this.unsent = unsent;
    this.what = event;
  }
}

const adviceFor: Record<JobStopReason, string> = {
  authentication: "Every request would fail like this. Mend the key or the model's name, and ask the others again.",
  quota_exhausted: "Every request would fail like this. Mend the account, and ask the others again.",
  gave_up: "Ask the others again once the provider is back, or raise giveUpAfterMs.",
};

/** No tool of that name is registered. */
export class ToolNotFoundError extends OrchestratorError {
  static readonly code = "TOOL_NOT_FOUND";
  readonly code = ToolNotFoundError.code;
  /** The names of the registered tools. */
  readonly available: readonly string[];

  constructor(toolName: string, available: readonly string[]) {
    const guess = nearest(toolName, available);
    const isModel = guess === undefined && /^[a-z][\w-]*[:/]\S/i.test(toolName);
    const advice = isModel
      ? "A model goes into a tool: new PromptBundleTool({ model, … })."
      : "Register it with client.registerTool(tool), or pass the tool itself as `tool`.";
    const registered = available.length === 0 ? "No tool is registered" : `Registered: ${available.join(", ")}`;
    super(`No tool is named "${toolName}".${guess ? ` Did you mean "${guess}"?` : ""} ${registered}. ${advice}`);
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

/** Every error that a run or a job can reject with, told apart by `code`. */
export type AnyOrchestratorError =
  | BudgetExceeded
  | ToolExecutionError
  | ConflictError
  | CancelledError
  | InvalidOptionsError
  | ToolNotFoundError
  | PlanningError
  | StoreError
  | JobStoppedError;

/** Narrows anything caught to the errors that a run or a job rejects with, so that `switch (error.code)` narrows further. */
export function isOrchestratorError(error: unknown): error is AnyOrchestratorError {
  return OrchestratorError.isInstance(error);
}

/** Operations of a store. */
export type StoreOperation =
  | "open"
  | "claim"
  | "renew"
  | "save_plan"
  | "append"
  | "settle"
  | "release"
  | "read"
  | "replace"
  | "list"
  | "show"
  | "purge"
  | "sweep"
  | "verify"
  | "queue";

/**
 * Reasons why a store did not do its work. `stale_token`: another run holds the key. `newer_schema`: written by a
 * later version of this package. `failed`: none of the others; see `cause`.
 */
export type StoreFailure =
  | "stale_token"
  | "closed"
  | "locked"
  | "full"
  | "read_only"
  | "corrupt"
  | "unavailable"
  | "newer_schema"
  | "missing_driver"
  | "too_large"
  | "failed";

/** Facts of a `StoreError`. */
export interface StoreErrorFacts {
  readonly store: string;
  readonly operation: StoreOperation;
  readonly reason: StoreFailure;
  /** Event, as a sentence without its full stop. Default: the message of `cause`. */
  readonly what?: string | undefined;
  /** Advice, as a sentence. */
  readonly advice: string;
  readonly cause?: unknown;
  readonly partial?: PartialRun | undefined;
}

/**
 * A run store could not do what it was asked. Whatever it had confirmed before is still there.
 *
 * @example
 * ```ts
 * if (StoreError.isInstance(error) && error.reason === "locked") console.error(error.advice);
 * ```
 */
export class StoreError extends OrchestratorError {
  static readonly code = "STORE";
  readonly code = StoreError.code;
  /** `"memory"`, `"sqlite"`, `"postgres"`, or the name of a store of your own. */
  readonly store: string;
  /** Operation that failed. */
  readonly operation: StoreOperation;
  /** Reason of the failure. */
  readonly reason: StoreFailure;
  /** Event, as a sentence without its full stop. */
  readonly what: string;
  /** Advice, as a sentence. */
  readonly advice: string;
  /** Usage and content that the run which it ended had paid for. */
  declare readonly partial?: PartialRun;

  constructor(facts: StoreErrorFacts) {
    const what = messageOf(facts.what ?? facts.cause);
    super(`The ${facts.store} store failed (${facts.operation}, ${facts.reason}): ${what}. ${facts.advice}`, {
      cause: facts.cause,
    });
    this.store = facts.store;
    this.operation = facts.operation;
    this.reason = facts.reason;
    this.what = what;
    this.advice = facts.advice;
    if (facts.partial) this.partial = facts.partial;
  }
}

const brand = Symbol.for("steer-llm-sdk.invalid-output");

/** Number of faults that the message names; `errors` has them all. */
const namedInMessage = 3;

/**
 * A model's answer is not what its schema asks for, even after repair. A guarded call tries once more, with `errors`
 * at hand to show to the model.
 */
export class InvalidOutputError extends Error {
  /** Faults of the answer, each with its place and reason in one sentence. */
  readonly errors: readonly string[];
  /** The answer as it came. It is kept, and does not vote. */
  readonly data: unknown;

  constructor(errors: readonly string[], options?: { data?: unknown; cause?: unknown }) {
    const more = errors.length > namedInMessage ? ` (and ${errors.length - namedInMessage} more)` : "";
    super(`The answer cannot be used: ${errors.slice(0, namedInMessage).join("; ")}${more}`, options);
    this.name = "InvalidOutputError";
    this.errors = errors;
    this.data = options?.data;
    Object.defineProperty(this, brand, { value: true });
  }

  /** Like `instanceof`, and also true for the same error from another copy of this package. */
  static isInstance(error: unknown): error is InvalidOutputError {
    return typeof error === "object" && error !== null && brand in error;
  }
}
