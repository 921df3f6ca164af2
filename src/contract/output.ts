import { originalOf } from "../core/error-marks.ts";
import { isThenable } from "../core/thenable.ts";
import type { EvidenceContent } from "./bundle.ts";
import { ToolExecutionError } from "./errors.ts";
import type { Budget, Usage } from "./usage.ts";

/** A failure as plain data. */
export interface OutputError {
  /** The error's class name. */
  type: string;
  /** Fault, in the words of the error. */
  message: string;
  /** Code of the error, or what its provider calls it. */
  code: string;
  /** True where the same call might have succeeded later. */
  isRetryable: boolean;
  /** Attempts that were made. */
  attempts: number;
  /** Meaning of the error, such as `rate_limit`. */
  category?: string;
}

/** Facts about a run, and the `metadata` of its options. */
export interface OutputMetadata {
  /** Tool that answered; a fallback where the first one failed. */
  toolName: string;
  /** Its version. */
  toolVersion: string;
  /** The same as `costUsd` of the output. */
  costUsd: number | null;
  /** Ceilings of the run. */
  budget?: Budget;
  /** True where the output was stored by an earlier run of the same key. */
  replayed?: boolean;
  /** Tokens of the answers that earlier runs of the same key had journaled. They are not in `usage`: they are not paid for twice. */
  journaledUsage?: Usage;
  /** A person has to decide: `orchestrator.resolve` with this key. Its confidence is below what `options.review` asks for. */
  needsReview?: { key: string; below: number };
  /** A person has decided: on the consensus of the answers, or on another in its place. */
  reviewed?: "accepted" | "replaced";
  [key: string]: unknown;
}

interface OutputBase {
  /** Tokens of all that ran, failed attempts and tools included. */
  usage: Usage;
  /** US dollars; `null` where a price is not known. */
  costUsd: number | null;
  /** Tool that answered, and facts of the run. */
  metadata: OutputMetadata;
  /** Ties the run to a distributed trace. */
  traceId: string;
  /** Names the execution: equal for all callers of one key. */
  requestId: string;
  /** Milliseconds from start to end. */
  elapsedMs: number;
}

/** End of a run, as plain JSON data. */
export type OrchestrationOutput<C = unknown> =
  | (OutputBase & { status: "completed"; content: C; errors?: Record<string, OutputError> })
  | (OutputBase & { status: "partial"; content: C; errors?: Record<string, OutputError> })
  | (OutputBase & { status: "failed"; content: Partial<C> | null; errors: Record<string, OutputError> });

/**
 * Returns true of an output that holds an evidence bundle, for a program that does not know its tool's type.
 *
 * @example
 * ```ts
 * if (hasEvidence(output)) console.log(output.content.evidenceBundle.summary.consensus);
 * ```
 */
export function hasEvidence<T = unknown>(
  output: OrchestrationOutput<any>,
): output is OrchestrationOutput<EvidenceContent<T>> & { status: "completed" | "partial" } {
  const { replicates, summary } = (output.content as Partial<EvidenceContent> | null | undefined)?.evidenceBundle ?? {};
  return output.status !== "failed" && Array.isArray(replicates) && typeof summary?.confidence === "number";
}

/**
 * The content of an output that has one.
 *
 * @throws ToolExecutionError for a failed output, with the facts of its last failure as `error`; its `cause` is what was
 * thrown, stack and all, where the run was this process's own
 */
export function unwrap<C>(output: OrchestrationOutput<C>): C {
  if (isThenable(output)) throw new TypeError("unwrap: got a promise. Await the run first: unwrap(await run).");
  if (output.status !== "failed") return output.content;
  const { usage, costUsd, content } = output;
  const partial = { usage, costUsd, content };
  const [toolName, error] = Object.entries(output.errors).at(-1) ?? [output.metadata.toolName, undefined];
  if (!error) throw new ToolExecutionError(toolName, "no error was recorded", { partial });
  const facts = Object.assign(new Error(error.message), error);
  throw new ToolExecutionError(toolName, facts, { cause: originalOf(error) ?? facts, partial });
}
