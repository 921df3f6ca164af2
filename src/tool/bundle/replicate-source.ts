import type { EvidenceBundle, ReplicateResult, ReplicateSpec } from "../../contract/bundle.ts";
import { type BundleOptions, bundleOptions, type ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import type { EvidenceSource, LanguageModelLike } from "../../contract/model.ts";
import type { ReplicateContext, ToolContext } from "../../contract/tool.ts";
import type { Budget, CallBound } from "../../contract/usage.ts";
import { InvalidOptionsError, type OptionIssue } from "../../core/errors.ts";
import type { JSONSchema } from "../../core/json.ts";
import { collectOptions, type ResolvedOptions } from "../../core/options.ts";
import type { SampleRound, SampleRounds } from "./sample-round.ts";

/**
 * Returns the most that one replicate may use; `undefined` where that is not known.
 *
 * @param share what is left of the budget, divided by the replicates that may still be asked for
 * @param remaining all that is left of the budget
 * @param previousError of the attempt before, whose correction may make this one larger
 * @param unspent what would be left if the calls in flight used nothing
 * @param round of the request, where that asks for several answers; its size is set to what fits
 */
export type ReplicateBound = ((
  share: Budget,
  remaining: Budget,
  previousError?: unknown,
  unspent?: Budget,
  round?: SampleRound,
) => CallBound | undefined) & {
  /** Returns the tokens that one replicate is likely to use; `undefined` where nothing tells. */
  expectedTokens?(previousError: unknown): number | undefined;
  /**
   * Decides, before the first call, if that one goes ahead alone until the provider has its prompt in the cache.
   *
   * @param calls that are asked for at once, the first one among them
   */
  startsWarm?(calls: number): boolean;
  /** Brings replicates into one request; absent where each is asked for alone. */
  readonly rounds?: SampleRounds | undefined;
};

/** Bundle tool, as the making of a bundle uses it. */
export interface ReplicateSource<Input, T> {
  readonly name: string;
  readonly version?: string | undefined;
  readonly provider?: string | undefined;
  readonly modelId?: string | undefined;
  readonly source: EvidenceSource;
  /** Tools of this one's models, which are asked in turn; absent where it asks one. */
  readonly members?: readonly ReplicateSource<Input, T>[] | undefined;
  /** The model that it asks, the first of several. */
  readonly model?: string | LanguageModelLike | undefined;
  /** Prompt of every request, as plain data. The journal tells questions apart by it. */
  readonly promptIdentity?: unknown;
  /**
   * Returns all that decides an answer beside its seed, as plain data: model, prompt, schema, settings. `undefined` where code may
   * decide more.
   *
   * @param schema of the answers
   */
  answerIdentity?(request: Input, schema: JSONSchema | undefined): Promise<unknown>;
  /** True where it heeds `replicate.fields`. */
  readonly asksForFields?: boolean | undefined;
  boundReplicates(request: Input, options: ResolvedBundleOptions, context: ToolContext): Promise<ReplicateBound>;
  executeReplicate(request: Input, replicate: ReplicateSpec, context: ReplicateContext): Promise<ReplicateResult<T>>;
  /** Says why an answer that fits the schema cannot be right, or how good it is; `undefined` where it says neither. */
  judgeAnswer?(answer: T, request: Input): Promise<string | number | undefined>;
  /** Returns the text of what is asked for a request, for a judge of the answers. */
  questionText?(request: Input): string;
  withModel?(model: string | LanguageModelLike): ReplicateSource<Input, T>;
}

/** Tool that asks one model, and the bounds of its replicates. */
export interface BoundMember<Input, T> {
  readonly member: ReplicateSource<Input, T>;
  readonly bound: ReplicateBound;
}

/** Source of replicates, and its models, which take turns. */
export interface BoundSource<Input, T> {
  readonly source: ReplicateSource<Input, T>;
  readonly members: readonly BoundMember<Input, T>[];
}

/** Bundle tool that runs a whole bundle as one call. */
export interface BundleSource<Input, T> {
  readonly name: string;
  readonly provider?: string | undefined;
  executeBundle(request: Input, options: ResolvedBundleOptions, context: ToolContext): Promise<EvidenceBundle<T>>;
}

/** Returns the amounts of a ceiling. Its time is not an amount: a call may take that long, and need not. */
export function amountsOf(ceiling: Budget | undefined): Budget | undefined {
  return ceiling && { tokens: ceiling.tokens, costUsd: ceiling.costUsd };
}

/** Bundle options with every default filled in, but for seeds: they depend on the request where none are given. */
export type CheckedBundleOptions = ResolvedOptions<typeof bundleOptions>;

/**
 * Checks the options of the run and of the tool. The run's win.
 *
 * @throws InvalidOptionsError naming every fault
 */
export function resolveBundleOptions(
  given: BundleOptions | undefined,
  defaults: BundleOptions | undefined,
): CheckedBundleOptions {
  const issues: OptionIssue[] = [];
  collectOptions(bundleOptions, defaults, "defaultOptions", issues);
  const sound = issues.length > 0 ? undefined : defaults;
  const resolved = collectOptions(
    bundleOptions,
    { ...withStopping(sound), ...withStopping(given) },
    "toolOptions",
    issues,
  );
  if (resolved?.seeds && resolved.seeds.length < resolved.k) {
    const { seeds, k } = resolved;
    const message = `toolOptions.seeds has ${seeds.length} of the ${k} seeds that k needs. Give at least ${k}.`;
    issues.push({ path: "toolOptions.seeds", given: seeds, allowed: `at least k = ${k} seeds`, message });
  }
  if (issues.length > 0 || !resolved) throw new InvalidOptionsError(issues);
  return resolved;
}

/** Returns options without those given as `undefined`. `epsilon` alone selects the rule of that name. */
function withStopping(options: BundleOptions | undefined): BundleOptions {
  const given = Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined));
  return "epsilon" in given && !("stopping" in given) ? { ...given, stopping: "epsilon" } : given;
}
