import type { JSONSchema } from "../core/json.ts";
import type { EvidenceBundle, Replicate } from "./bundle.ts";
import type { ToolEvents } from "./event.ts";
import type { ModelTraitsSource, PromptMessage } from "./model.ts";
import type { OutputError } from "./output.ts";
import type { BundleCalibrations, PriceSource } from "./settings.ts";
import type { ToolContext } from "./tool.ts";
import type { Budget, CallBound, Spent, Usage } from "./usage.ts";

/** One paid piece of work: a plain tool's `execute`, one replicate, or a whole overridden `executeBundle`. */
export interface Call<R> {
  /** Provider whose circuit breaker and retry budget it falls under. */
  readonly provider: string;
  readonly replicateId?: string | undefined;
  /** Model, for traces; absent where it is not known. */
  readonly modelId?: string | undefined;
  readonly seed?: number | undefined;
  /**
   * The most that one attempt may use, given what is left of the budget; `undefined` where it is not known. Parts that are
   * `undefined` are not known either.
   *
   * @param previousError of the attempt before, whose correction may make this one larger
   * @param unspent what would be left if the calls in flight used nothing
   */
  bound(remaining: Budget, previousError?: unknown, unspent?: Budget): CallBound | undefined;
  /**
   * Returns the tokens that one attempt is likely to use, for limits of tokens a minute; `undefined` where nothing tells.
   *
   * @param previousError of the attempt before, whose correction makes this one larger
   */
  expectedTokens?(previousError: unknown): number | undefined;
  /** Ceilings of its own, beside the run's. */
  readonly limits?: Budget | undefined;
  execute(attempt: CallAttempt): PromiseLike<R> | R;
}

/** Texts of a call to a model, for traces that are to show them. */
export interface CallContent {
  readonly messages: readonly PromptMessage[];
  /** Absent where no answer came. */
  readonly answer?:
    | { readonly text: string; readonly reasoning?: string | undefined; readonly finishReason?: string | undefined }
    | undefined;
}

/** Means of one attempt of a call. */
export interface CallAttempt {
  /** Hears what is asked and answered, where a trace is to show it. */
  onContent?: ((content: CallContent) => void) | undefined;
  /** From 1. */
  readonly attempt: number;
  readonly signal: AbortSignal;
  /** Budget reserved for this attempt: it must not use more. Empty where no bound was known. */
  readonly reserved: Budget;
  /** The error of the attempt before, so that a model can be shown what was wrong with its answer. */
  readonly previousError?: unknown;
  /** True once anything was reported as used, by the attempt itself or by a call that is part of it. */
  readonly hasSpent: boolean;
  /** Reports what the attempt used, also when it goes on to fail. Several reports add up. */
  spend(usage: Usage | undefined, costUsd: number | null | undefined): void;
  /** Reads the limits that the headers of an answer tell. */
  heard(headers: Readonly<Record<string, string>>): void;
  /** Content went out to the caller: from here on the attempt is not repeated in silence. */
  commit(): void;
  /** The answer comes as a stream from here on: its first chunk has to come in time. Gives what says that it has ended. */
  expectChunks(): (() => void) | undefined;
  /** A chunk of it came: the next one has to come in time. */
  chunk(): void;
  /**
   * The guard of calls that are part of this attempt. Each is tried once, as the attempt is what is tried again, and ends
   * with it. They reserve for themselves, in place of what was reserved for the attempt; what they use is the attempt's.
   *
   * @param signal ends them too
   * @param limits ceilings of their own, all together
   */
  guardWithin(signal: AbortSignal, limits?: Budget | undefined): CallGuard;
}

/** End of a call, after all its attempts. Their usage counts, whatever came of them. */
export type CallOutcome<R> = CallFacts &
  (
    | { readonly ok: true; readonly value: R }
    | { readonly ok: false; readonly error: unknown; readonly failure: OutputError }
  );

interface CallFacts extends Spent {
  readonly attempts: number;
  readonly elapsedMs: number;
}

/** Runs a call under the policies of the run: retry, breaker, reservation, timeout. It never throws. */
export type CallGuard = <R>(call: Call<R>) => Promise<CallOutcome<R>>;

/** Marks tools that put each call through the guard of their runtime; any other tool is guarded as a whole. */
const guardsItself = Symbol.for("steer-llm-sdk.guards-itself");

export function markSelfGuarding(prototype: object): void {
  Object.defineProperty(prototype, guardsItself, { value: true });
}

export function isSelfGuarding(tool: object): boolean {
  return guardsItself in tool;
}

/** Replicates that earlier runs of the same idempotency key paid for, and a place for those that this run pays for. */
export interface ReplicateJournal {
  /** @param read makes a replicate of the JSON that was kept; `undefined` where it cannot be used any more */
  find(
    place: ReplicatePlace,
    read: (kept: Replicate) => Promise<Replicate | undefined>,
  ): Promise<Replicate | undefined>;
  /**
   * @returns why the replicate is not kept, where the run may go on without that; `undefined` where it is kept
   * @throws where the run may not go on
   */
  append(place: ReplicatePlace, replicate: Replicate): Promise<string | undefined>;
  /** Says the same of a replicate that `find` gives. */
  whyUnkept(place: ReplicatePlace): string | undefined;
}

/** Identity of a replicate from one run of a key to the next, where its id may be another one. */
export interface ReplicatePlace {
  readonly toolName: string;
  /** Number of models asked before this one, because their answers stayed too uncertain. */
  readonly stage: number;
  /** From 0, among the replicates of its model. */
  readonly index: number;
  readonly seed: number;
  /** Fingerprint of the question, the model and the enclosing replicate. */
  readonly question: string;
}

/** Answers that earlier runs of an orchestrator's store have paid for, by their question. */
export interface KeptAnswers {
  /**
   * The signal ends every wait for the store, also those of the answers that are given.
   *
   * @returns `undefined` where they cannot be had: another run uses them, or the store fails
   */
  open(question: string, signal: AbortSignal): Promise<AnswerShelf | undefined>;
}

/** Answers to one question, which no other run uses until it is closed. */
export interface AnswerShelf {
  /** Fingerprint of the question. */
  readonly question: string;
  find(index: number, seed: number): Replicate | undefined;
  append(index: number, replicate: Replicate): Promise<void>;
  close(): Promise<void>;
}

/** Package-internal part of a tool context: what the tools of this package get from their run beyond the public context. */
export interface ToolRuntime {
  readonly guard: CallGuard;
  /** Guards calls that have ceilings of their own, all together and within the run's. */
  guardWithin(limits: Budget): CallGuard;
  /** Describes an error as plain data. */
  failureOf(error: unknown, attempts: number): OutputError;
  /** The request as the tool's `inputSchema` accepted it, and as the caller gave it. */
  readonly request?: { readonly accepted: unknown; readonly given: unknown } | undefined;
  /** A tool and its options, which the run has resolved. */
  readonly resolved?: { readonly tool: object; readonly options: object } | undefined;
  readonly journal?: ReplicateJournal | undefined;
  /** Absent in a run that is part of another one, where two answers to one question have to be two. */
  readonly answers?: KeptAnswers | undefined;
  /** Journal id of the enclosing replicate or whole bundle, if any. */
  readonly within?: string | undefined;
  /** Number of times that each question was asked with this runtime: asked twice, a question has two places in the journal. */
  readonly timesAsked?: Map<string, number> | undefined;
  readonly prices?: PriceSource | undefined;
  readonly calibrations?: BundleCalibrations | undefined;
  /** Confidence that the run asks of its output; absent inside another bundle. */
  readonly minConfidence?: number | undefined;
  /** Value that `boundReplicates` returned for the bundle: in it, one replicate teaches the next. */
  readonly bound?: unknown;
  /** Estimates the tokens of a text, in place of the package's own estimate. */
  readonly estimateTokens?: ((text: string, modelId: string) => number) | undefined;
  /** Facts that models' servers have taught this process. */
  readonly modelTraits?: ModelTraitsSource | undefined;
  /** The run's `streaming` option. */
  readonly isStreaming: boolean;
  /** The run's `maxParallel`. */
  readonly maxParallel: number;
  /** Request for several answers that the call makes; known to the tool that made the bound. */
  readonly round?: unknown;
  /** Hears that the provider has the prompt in its cache, of the call that goes ahead of others. */
  readonly onWarm?: (() => void) | undefined;
  /** The current attempt, inside a guarded call. */
  readonly attempt?: CallAttempt | undefined;
  /** True where events reach a listener; they may where this is left out. */
  isHeard?(): boolean;
  /**
   * Returns the events of one attempt of a call, under the attempt's number.
   *
   * @param delivers the attempt, which a delivered delta commits
   */
  eventsFor?(attempt: number, delivers?: Pick<CallAttempt, "commit">): ToolEvents;
  /** Receives each bundle that `source` makes inside a call, so that its evidence can outlive the call. */
  onBundle?(source: object, bundle: Promise<EvidenceBundle<any>>): void;
  /** JSON schema of the answers, for the model. */
  readonly responseSchema?: JSONSchema | undefined;
  /** Tells whether a value fits what was asked for, so that the answer is found among other JSON in a text. */
  checkAnswer?(value: unknown): Promise<{ readonly ok: boolean }>;
  /** JSON pointers of the fields that replicates may be asked for one by one (`resample: "fields"`). */
  readonly askableFields?: readonly string[] | undefined;
}

const toolRuntime = Symbol.for("steer-llm-sdk.tool-runtime");

/** Adds a runtime to a context. A context that a tool spreads it into has it too. */
export function withRuntime<C extends ToolContext>(context: C, runtime: ToolRuntime): C {
  return Object.defineProperty(context, toolRuntime, { value: runtime, enumerable: true });
}

/** Returns the runtime of a context; `undefined` where the tool is called by hand. */
export function runtimeOf(context: ToolContext): ToolRuntime | undefined {
  return (context as { [toolRuntime]?: ToolRuntime })[toolRuntime];
}

/**
 * Returns the request as the caller gave it, where `request` is what the tool's `inputSchema` made of it: a schema may fill
 * in the time, and the same request would be another one at every run.
 */
export function givenRequest(context: ToolContext, request: unknown): unknown {
  const known = runtimeOf(context)?.request;
  return known && known.accepted === request ? known.given : request;
}
