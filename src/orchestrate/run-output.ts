import type { BundleSummary, EvidenceBundle } from "../contract/bundle.ts";
import { bundleIn, writtenBundle } from "../contract/bundle-json.ts";
import {
  BudgetExceeded,
  CancelledError,
  isOrchestratorError,
  type PartialRun,
  StoreError,
} from "../contract/errors.ts";
import type { OrchestrationOutput, OutputError, OutputMetadata } from "../contract/output.ts";
import { PartialResult } from "../contract/partial-result.ts";
import type { AnyTool } from "../contract/tool.ts";
import type { Budget } from "../contract/usage.ts";
import { hasRejected } from "../core/error-marks.ts";
import { InvalidOptionsError, messageOf } from "../core/errors.ts";
import type { CancelScope } from "../core/signal.ts";
import type { Slices } from "../core/slices.ts";
import { toOutputError } from "../guard/classify.ts";
import { checkingJsonData } from "../schema/json-data.ts";
import type { Run, ToolChoice } from "./run-context.ts";

/** Builds the output of a tool that did all that it was asked for. */
export function* completedOutput(run: Run, choice: ToolChoice, content: unknown): Slices<OrchestrationOutput> {
  return { status: "completed", content: yield* toPlainData(content), ...factsOf(run, choice) };
}

/**
 * Builds the output of a tool that threw.
 *
 * @throws the error that the run rejects with instead, where the caller must fix or decide something
 */
export function outputOf(run: Run, choice: ToolChoice, scope: CancelScope, thrown: unknown): OrchestrationOutput {
  const { content, isUsable, failures, cause } = asPartialResult(choice.tool, thrown);
  if (isRejection(cause, choice, scope, isUsable)) throw withPartial(cause, { ...run.ledger.spent, content });
  run.events.emit("error", { error: Object.values(failures).at(-1) as OutputError });
  const facts = { ...factsOf(run, choice), errors: failures };
  if (!isUsable) return { status: "failed", content: content as null, ...facts };
  return { status: "partial", content, ...facts };
}

function asPartialResult(tool: AnyTool, thrown: unknown): PartialResult {
  if (thrown instanceof PartialResult) return thrown;
  const failures = { [tool.name]: toOutputError(thrown, InvalidOptionsError.isInstance(thrown) ? 0 : 1) };
  return new PartialResult({ content: null, isUsable: false, failures, cause: thrown });
}

/**
 * Returns true of an error that the caller must fix or decide: the run rejects with it. Three kinds end up in the output
 * instead, because something is paid for or may still be used: an error beside a usable answer, a fallback's refusal of the
 * request, and the rejection of another run that the tool has started.
 */
function isRejection(error: unknown, { isFallback }: ToolChoice, scope: CancelScope, isUsable: boolean): boolean {
  if (!isOrchestratorError(error) || error.code === "TOOL_EXECUTION") return false;
  if (hasRejected(error) && !scope.aborted) return false;
  if (isUsable && (error.code === "BUDGET_EXCEEDED" || error.code === "INVALID_OPTIONS")) return false;
  return error.code !== "INVALID_OPTIONS" || !isFallback;
}

/** Returns the same error with what has been paid for. */
export function withPartial(error: unknown, { usage, costUsd, content }: PartialRun): unknown {
  const partial = { usage, costUsd, content };
  if (CancelledError.isInstance(error)) return new CancelledError(error.cause, { partial });
  if (StoreError.isInstance(error)) return new StoreError({ ...error, cause: error.cause, partial });
  if (!BudgetExceeded.isInstance(error)) return error;
  const { budgetType, limit, actual, waitedFor, isEstimate, because, cause } = error;
  return new BudgetExceeded(budgetType, limit, actual, { waitedFor, isEstimate, because, partial, cause });
}

/** Returns the same error with what was paid for so far, where it does not say so yet. */
export function withSpent({ ledger }: Run, error: unknown): unknown {
  const isTold = (error as { partial?: unknown } | null | undefined)?.partial !== undefined;
  return isTold ? error : withPartial(error, { ...ledger.spent, content: null });
}

/** Emits the last event of a run that has an output. */
export function emitEnd(
  { events, willBeRetried }: Pick<Run, "events" | "willBeRetried">,
  output: OrchestrationOutput,
): void {
  if (willBeRetried?.({ output })) events.recording?.suspend();
  if (output.status !== "failed") events.emit("run_completed", { output });
  else events.emit("run_failed", { output, error: Object.values(output.errors).at(-1) as OutputError });
}

/** Emits the last event of a run that rejects. */
export function emitRejection({ events, willBeRetried }: Pick<Run, "events" | "willBeRetried">, error: unknown): void {
  if (willBeRetried?.({ error })) events.recording?.suspend();
  if (CancelledError.isInstance(error)) events.emit("cancelled", { reason: messageOf(error.cause) });
  else events.emit("run_failed", { error: toOutputError(error, 0) });
}

/** Facts of every output, whatever came of the run. */
function factsOf(run: Run, choice: ToolChoice) {
  const { traceId, requestId, settings, startedAtMs, ledger } = run;
  const { usage, costUsd } = ledger.spent;
  return {
    usage,
    costUsd,
    metadata: metadataOf(run, choice, costUsd),
    traceId,
    requestId,
    elapsedMs: Math.round(settings.clock.now() - startedAtMs),
  };
}

function metadataOf({ input }: Run, { tool, plan }: ToolChoice, costUsd: number | null): OutputMetadata {
  const { budget, metadata: given } = input.options;
  return {
    ...given,
    ...(plan && { plan }),
    toolName: tool.name,
    toolVersion: tool.version,
    costUsd,
    ...(budget && { budget: withoutGaps(budget) }),
  };
}

/** Returns the budget without its undefined parts, as JSON has it. */
export function withoutGaps({ tokens, costUsd, timeMs }: Budget): Budget {
  return {
    ...(tokens !== undefined && { tokens }),
    ...(costUsd !== undefined && { costUsd }),
    ...(timeMs !== undefined && { timeMs }),
  };
}

/**
 * Returns content as JSON data, so that it is the same wherever it is read. Answers of an evidence bundle that have their
 * JSON beside them stay what their schema has made of them. Distances that are computed when they are read stay unread.
 */
function* toPlainData(content: any): Slices<unknown> {
  if (typeof content === "string" || typeof content === "boolean") return content;
  if (typeof content === "bigint") return String(content);
  try {
    const bundle = bundleIn(content);
    const isPlain = bundle && (yield* checkingJsonData({ ...content, evidenceBundle: withoutComputed(bundle) }));
    if (isPlain) return content;
    return JSON.parse(JSON.stringify(content) ?? "null");
  } catch (error) {
    throw new TypeError(`The tool's content cannot be written as JSON: ${messageOf(error)}`, { cause: error });
  }
}

/** Returns a bundle as JSON has it, without distances that are computed when they are read: many results are never asked for them. */
function withoutComputed(bundle: EvidenceBundle): EvidenceBundle {
  const { summary } = bundle;
  if (!Object.getOwnPropertyDescriptor(summary, "pairwiseDistance")?.get) return writtenBundle(bundle);
  const names = Object.keys(summary).filter((name) => name !== "pairwiseDistance") as (keyof BundleSummary)[];
  const stored = names.map((name) => [name, summary[name]]);
  return writtenBundle({ ...bundle, summary: Object.fromEntries(stored) as unknown as BundleSummary });
}
