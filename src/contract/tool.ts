import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { Clock } from "../core/clock.ts";
import type { Random } from "../core/random.ts";
import type { ReplicateSpec } from "./bundle.ts";
import type { ToolEvents } from "./event.ts";
import type { Budget, Usage } from "./usage.ts";

/** Facts of a tool that it may declare by a field, a getter or an assignment. */
export interface Tool<Input, Result, Options extends object> {
  /** Shown in listings, and part of what tells two tools of one name apart. Default: `"1.0.0"`. */
  readonly version: string;
  /** Shown in listings. Default: `""`. */
  readonly description: string;
  /** Provider whose circuit breaker its calls fall under. Default: a breaker of its own. */
  readonly provider?: string | undefined;
  /** Words that planners select by. */
  readonly capabilities?: readonly string[] | undefined;
  /** Used where a run gives no value of its own. */
  readonly defaultOptions?: Partial<Options> | undefined;
  /** Checks, and may transform, the request before `execute` sees it. */
  readonly inputSchema?: StandardSchemaV1<any, any> | undefined;
  /** The most that one execution may use. A budget is kept by it; leave it out where it is not known. */
  estimate?(request: Input, options: Options): Budget | undefined;
  /**
   * Checks the options of a run before anything runs, and fills in defaults. Without it, `defaultOptions` and the run's
   * `toolOptions` are merged, the latter winning.
   *
   * @throws InvalidOptionsError
   */
  resolveOptions?(given: Partial<Options> | undefined): Options;
  /**
   * Gives a content that was kept as JSON the values that JSON cannot hold, such as dates. Without it, a content that is
   * replayed under an idempotency key is JSON.
   */
  restoreContent?(content: Result, options: Partial<Options> | undefined): Promise<Result>;
  /** Leaves out of a content what `restoreContent` derives again. Without it, a store keeps the whole content. */
  contentToKeep?(content: Result, options: Partial<Options> | undefined): Result;
}

/**
 * A unit of work that the orchestrator runs. It is not a function that a model calls.
 *
 * @typeParam Input the request it takes
 * @typeParam Result the content it gives
 * @typeParam Options its own options, beside those of the run
 *
 * @example
 * ```ts
 * class Lookup extends Tool<{ id: string }, { ok: boolean }> {
 *   readonly name = "lookup";
 *   async execute({ id }: { id: string }, _options: object, { signal }: ToolContext) {
 *     return { ok: (await fetch(`https://example.com/${id}`, { signal })).ok };
 *   }
 * }
 * ```
 */
export abstract class Tool<Input = unknown, Result = unknown, Options extends object = Record<string, unknown>> {
  abstract readonly name: string;
  /** Does the work. What it throws is retried or not as the error says, and ends in `output.errors`. */
  abstract execute(request: Input, options: Options, context: ToolContext): Promise<Result>;
}

// On the prototype and writable, so that a subclass may use a field, a getter or an assignment.
Object.assign(Tool.prototype, { version: "1.0.0", description: "" });

/** Any tool, whatever it takes and gives. */
export type AnyTool = Tool<any, any, any>;
/** The request that a tool takes. */
export type InputOf<T> = T extends Tool<infer I, any, any> ? I : never;
/** The content that a tool gives. */
export type ContentOf<T> = T extends Tool<any, infer R, any> ? R : never;
/** The options that a run may give a tool. */
export type OptionsOf<T> = T extends Tool<any, any, infer O> ? Partial<O> : never;

/** A tool whose name is known as a literal type. */
export type NamedTool<Name extends string, I, R, O extends object = Record<string, unknown>> = Tool<I, R, O> & {
  readonly name: Name;
};

/** Remaining budget of a run. */
export interface BudgetView {
  readonly limits: Readonly<Budget>;
  /** Limits less what was used and what is reserved for calls in flight. A part without a limit is left out. */
  remaining(): Budget;
}

/** Means that a run gives to the tool that it executes. */
export interface ToolContext {
  /** Events of the tool; every listener of the run receives them. */
  readonly events: ToolEvents;
  /** Aborts when the run is cancelled, times out, or has its answer. Pass it to everything you await. */
  readonly signal: AbortSignal;
  /** Trace of the run: for logs and services that follow traces. */
  readonly traceId: string;
  /** Names the run. */
  readonly requestId: string;
  /** From 1. */
  readonly attempt: number;
  /** Ceilings of the run, and what is left of them. */
  readonly budget: BudgetView;
  /** The run's key, to hand on to services that know idempotency. */
  readonly idempotencyKey?: string;
  /** Time and timers: a test can stop them. */
  readonly clock: Clock;
  /** Chance: a test can seed it. */
  readonly random: Random;
  /**
   * Counts what the tool used towards the run's usage and budget, also when the tool goes on to fail. Several reports
   * add up. Bundle tools report through their replicates instead.
   *
   * @throws TypeError for a figure that is not a number of at least 0
   */
  reportUsage(usage: Usage, costUsd?: number | null): void;
}

/** Context of a replicate's call: that of its run, and the replicate. */
export interface ReplicateContext extends ToolContext {
  readonly replicate: ReplicateSpec;
}

/** Facts of a tool for listings and planners. */
export interface ToolMetadata {
  version: string;
  description: string;
  supportsBundle: boolean;
  capabilities: readonly string[];
  /** Provider whose circuit breaker its calls fall under; absent where it has one of its own. */
  provider?: string;
  /** The most that one execution may use, where the tool says so. */
  estimate?(request: unknown, options: object): Budget | undefined;
}

/** A set of tools under their names. */
export interface ToolRegistry<Tools = {}> {
  /** @throws InvalidOptionsError for a value that is not a tool, or another tool under a name that is taken */
  register(tool: AnyTool, options?: { replace?: boolean | undefined }): void;
  /** The tool of that name. */
  get(name: string): AnyTool | undefined;
  /** Returns true where a tool has that name. */
  has(name: string): boolean;
  /** Forgets a tool. False where there was none of that name. */
  unregister(name: string): boolean;
  /** Returns the facts of every tool, by name. */
  list(): Record<string, ToolMetadata>;
  /** Carries the types of the tools; never there at run time. */
  readonly "~tools"?: Tools;
}

const source = Symbol("source of the signal");

/**
 * Gives a context a `signal` that is made when it is first read, as that of `from` is. All contexts share one
 * getter: written into an object literal it would give each context a hidden class of its own, which keeps all that the
 * getter refers to until V8 collects its whole heap.
 */
export function withLazySignal<C extends object>(
  context: C,
  from: { readonly signal: AbortSignal },
): C & { readonly signal: AbortSignal } {
  Object.defineProperty(context, source, { value: from });
  return Object.defineProperty(context, "signal", lazySignal) as C & { readonly signal: AbortSignal };
}

const lazySignal = {
  enumerable: true,
  get(this: { readonly [source]: { readonly signal: AbortSignal } }): AbortSignal {
    return this[source].signal;
  },
};
