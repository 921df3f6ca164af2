import type { OrchestrationEvent, OrchestrationOutput, Replicate, Usage } from "../../src/index.ts";
import type { RunRecord as StoredRun } from "../../src/store/store.ts";
import type { CallFault, ClockFault, RunPlan, Scenario, StoreFault, StoreOperationName } from "./scenario.ts";

/** What happened in one scenario, as seen from outside the product. `…Step` orders things that share a millisecond. */
export interface History {
  readonly scenario: Scenario;
  readonly runs: readonly PlayedRun[];
  readonly calls: readonly PlayedCall[];
  readonly operations: readonly PlayedOperation[];
  /** Those that came before the end. */
  readonly clockFaults: readonly ClockFault[];
  readonly leftovers: Leftovers;
  readonly recoveries: readonly Recovery[];
}

export interface PlayedRun {
  readonly index: number;
  readonly plan: RunPlan;
  readonly requestId: string;
  /** What its key stands for. */
  fingerprint?: string;
  startedAtMs: number;
  /** When its caller aborted or left it. */
  endedByCallerAtMs?: number;
  settledAtMs?: number;
  settledStep?: number;
  outcome?: { readonly output: OrchestrationOutput<any> } | { readonly error: any };
  readonly events: OrchestrationEvent[];
  /** When each of them was heard. */
  readonly heard: { readonly atMs: number; readonly step: number }[];
  /** What a loop over the stream of the run saw, and whether it came to the end. */
  readonly streamed: OrchestrationEvent[];
  hasReadAll: boolean;
}

export interface PlayedCall {
  /** Whose tool made it. */
  readonly run: number;
  readonly tool: string;
  readonly model: string;
  readonly provider: string;
  /** `undefined` for a plain tool. */
  readonly seed: number | undefined;
  readonly isModelCall: boolean;
  /** It asked for its prompt to be kept in the provider's cache. */
  readonly asksForCache?: boolean | undefined;
  /** It was made by a run that a tool of the run has started. */
  readonly isInner: boolean;
  readonly fault: CallFault | null;
  readonly startedAtMs: number;
  readonly startStep: number;
  /** The most that an honest provider can bill. */
  readonly allowedTokens: number;
  /** When it settled, or was aborted before that. */
  endedAtMs?: number;
  endStep?: number;
  wasAborted: boolean;
  /** What it used as far as it said so, and when. */
  told?: Usage;
  toldAtMs?: number;
  toldStep?: number;
  /** It used something and did not say how much. */
  isWithheld: boolean;
  /** What was answered. */
  data?: unknown;
  /** Number of answers that it was asked for, and those behind the first one. */
  readonly asked: number;
  samples?: readonly unknown[];
  /** For how long it asked not to be called again. */
  retryAfterMs?: number;
}

export interface PlayedOperation {
  readonly process: number;
  readonly operation: StoreOperationName;
  readonly key: string;
  readonly fault: StoreFault | undefined;
  /** When it took effect; `undefined` where it was refused. */
  doneStep?: number;
  doneAtMs?: number;
  /** What it was given or gave. */
  readonly facts: {
    readonly fingerprint?: string;
    readonly replicate?: Replicate;
    readonly output?: OrchestrationOutput;
    readonly ttlMs?: number;
  };
  /** What a claim met. */
  claim?: "won" | "running" | "settled";
}

/** What there is after the last run has settled. */
export interface Leftovers {
  readonly unsettled: readonly number[];
  /** Runs that had nothing to wait for when their callers lost patience. */
  readonly stuck: readonly number[];
  readonly timers: number;
  readonly listeners: number;
  readonly callsInFlight: number;
  readonly heldKeys: readonly StoredRun[];
  readonly unhandledRejections: readonly unknown[];
}

/** How a circuit that was not closed at the end took to a provider that was well again. */
export interface Recovery {
  readonly process: number;
  readonly provider: string;
  /** How many calls were to be made, and how many of them were made and answered. */
  readonly asked: number;
  readonly answered: number;
  readonly endsAs: "closed" | "open" | "half_open";
}
