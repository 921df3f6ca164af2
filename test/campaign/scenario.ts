import type { FaultKind } from "../../src/testing/faults.ts";

/** Everything that one scenario of the campaign is made of: plain data, so that it can be shrunk, printed and replayed. */
export interface Scenario {
  readonly reliability: ReliabilityPlan;
  /** Orchestrators that share nothing but the store, as processes do. */
  readonly processes: number;
  /** What runs ask for. */
  readonly jobs: readonly Job[];
  readonly runs: readonly RunPlan[];
  /** What happens to the nth call that anybody makes. Every later one is answered at once. */
  readonly calls: readonly CallPlan[];
  readonly storeFaults: readonly StoreFault[];
  readonly clockFaults: readonly ClockFault[];
  readonly recovery: RecoveryPlan;
  /** When the signal that several runs share is aborted; `null`: never. */
  readonly sharedAbortMs: number | null;
}

export interface ReliabilityPlan {
  readonly maxRetries: number;
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
  readonly leaseMs: number;
  readonly idempotencyTtlMs: number;
  readonly attemptTimeoutMs?: number | undefined;
  readonly firstChunkTimeoutMs?: number | undefined;
  readonly chunkTimeoutMs?: number | undefined;
  readonly onInFlight: "wait" | "reject";
  readonly onStoreError: "fail" | "run_unprotected";
  readonly circuitBreaker: {
    readonly failureThreshold: number;
    readonly openMs: number;
    readonly halfOpenRequests: number;
    readonly successThreshold: number;
  };
}

/**
 * How a tool asks: a prompt to a model; replicates of its own; a bundle that it runs as a whole; one plain call; two
 * agents at once.
 */
export type ToolKind = "prompt" | "replicates" | "whole" | "plain" | "agents";

/**
 * What becomes of the runs that a tool starts beside its own call: all are awaited, and the first failure of any ends the
 * tool; the first of two is enough; none is awaited; or one is started after a while, when the tool may be over.
 */
export const nestings = ["all", "race", "forgotten", "late"] as const;
export type Nesting = (typeof nestings)[number];

export interface Job {
  readonly tool: ToolKind;
  /** Runs inside the calls of its own tools; models start none. */
  readonly nests: Nesting | null;
  /** These runs have keys. */
  readonly areInnerKeyed: boolean;
  /** The caller gives the tool, or its name, or leaves the choice to the planner. */
  readonly choice: "tool" | "name" | "planner";
  /** Where the choice is the planner's: it has no rules, names one tool several times, gives no decision, or fails. */
  readonly planner: "rules" | "repetitive" | "garbage" | "broken" | "silent";
  readonly fallbacks: readonly ToolKind[];
  /** Fallbacks are named twice, and the tool is one of them. */
  readonly repeatsFallbacks: boolean;
  readonly question: string;
  readonly key: string | null;
  readonly k: number;
  readonly stopping: "none" | "lossless" | "horizon";
  readonly maxParallel: number;
  /** Answers are objects that must fit a schema; otherwise texts. */
  readonly hasSchema: boolean;
  /** The server of a prompt tool takes requests for several answers. */
  readonly takesSamples: boolean;
  /** The prompt is long enough for the provider's cache: a first call goes ahead. */
  readonly isLong: boolean;
  /** The tool asks a stronger model where the answers agree on nothing. */
  readonly escalates: boolean;
  /** The stronger model has no known price. */
  readonly isStrongerUnpriced: boolean;
  readonly hasOwnSeeds: boolean;
  /** The tool emits events that look like the orchestrator's own. */
  readonly forges: boolean;
  /** The judge that compares texts takes time, or fails. */
  readonly judge: "slow" | "broken" | null;
  readonly maxOutputTokens?: number | undefined;
  readonly perReplicateTimeMs?: number | undefined;
  readonly perReplicateTokens?: number | undefined;
  readonly globalTokens?: number | undefined;
  readonly globalTimeMs?: number | undefined;
  /** These ceilings are given as the price of their tokens. */
  readonly areCeilingsInDollars: boolean;
}

export interface RunPlan {
  readonly job: number;
  readonly process: number;
  readonly startMs: number;
  readonly form: "run" | "stream";
  readonly isStreaming: boolean;
  readonly budgetTokens?: number | undefined;
  /** The budget is given as the price of its tokens. */
  readonly isBudgetInDollars: boolean;
  readonly budgetMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly isOnSharedSignal: boolean;
  /** What the listener does at every event, beside listening. */
  readonly listener: "throws" | "rejects" | "mutates" | null;
  /** How events are redacted: as copies, by changing what is handed in, or not at all, since it fails. */
  readonly redact: "copies" | "in_place" | "throws" | null;
  readonly end: EndPlan | null;
}

/** How a caller ends a run: by its signal, by the stream's own means, or by leaving the loop over it. */
export interface EndPlan {
  readonly by: "signal" | "cancel" | "leave" | "dispose";
  /** While the nth event is delivered, or so many milliseconds after the start. */
  readonly at: { readonly event: number } | { readonly ms: number };
}

export type CallFault =
  | FaultKind
  /** Never settles, not even when it is aborted. */
  | "deaf"
  /** An answer that is JSON and does not fit the schema. */
  | "mismatch"
  /** An answer without usage. */
  | "withheld"
  /** An answer that used more than it was allowed to. */
  | "overuse"
  /** A text made to keep a parser busy. */
  | "hostile";

export interface CallPlan {
  readonly fault: CallFault | null;
  readonly latencyMs: number;
  /** From 0 to 1: which form of the fault. */
  readonly share: number;
  readonly vote: number;
  readonly outputTokens: number;
}

export type StoreOperationName = "open" | "claim" | "renew" | "savePlan" | "append" | "settle" | "release";

export interface StoreFault {
  readonly operation: StoreOperationName;
  /** Which of these operations, from 0. */
  readonly nth: number;
  /**
   * It fails, is slow, or never ends; or it is done, and the same becomes of its confirmation. Or from it on, for `delayMs`,
   * the whole store blinks: it is gone, locked, or so full that it has a connection for every other operation only.
   */
  readonly kind: "refused" | "slow" | "never" | "lost" | "slow_reply" | "never_reply" | Blink;
  readonly delayMs: number;
}

export const blinks = ["gone", "locked", "full"] as const;
export type Blink = (typeof blinks)[number];

export interface ClockFault {
  readonly atMs: number;
  /**
   * The whole world stands still; or the wall clock by which the store counts is corrected, forwards or backwards, for all
   * processes or for one of them. The clocks that measure durations go on.
   */
  readonly kind: "pause" | "wall_clock" | "process_clock";
  readonly byMs: number;
  /** The process, where it concerns one. */
  readonly process: number;
}

/** The calls to a provider that is well again, in tenths of the time for which its circuit stays open. */
export interface RecoveryPlan {
  /** How long each takes. */
  readonly latency: number;
  /** From the start of one to the start of the next. */
  readonly pause: number;
}
