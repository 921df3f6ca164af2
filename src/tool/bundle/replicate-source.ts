import type { EvidenceBundle, ReplicateResult, ReplicateSpec } from "../../contract/bundle.ts";
import { type BundleOptions, bundleOptions, type ResolvedBundleOptions } from "../../contract/bundle-options.ts";
import type { EvidenceSource, LanguageModelLike } from "../../contract/model.ts";
import type { ReplicateContext, ToolContext } from "../../contract/tool.ts";
import type { Budget, CallBound } from "../../contract/usage.ts";
import { InvalidOptionsError, type OptionIssue } from "../../core/errors.ts";
import { collectOptions, type ResolvedOptions } from "../../core/options.ts";

/**
 * The most that one replicate may use; `undefined` where nobody knows.
 *
 * @param share what is left of the budget, divided by the replicates that may still be asked for
 * @param remaining all that is left of the budget
 * @param previousError of the attempt before, whose correction may make this one larger
 * @param unspent what would be left if the calls in flight used nothing
 */
export type ReplicateBound = (
  share: Budget,
  remaining: Budget,
  previousError?: unknown,
  unspent?: Budget,
) => CallBound | undefined;

/** What the scheduling of replicates needs of a bundle tool. */
export interface ReplicateSource<Input, T> {
  readonly name: string;
  readonly version?: string | undefined;
  readonly provider?: string | undefined;
  readonly modelId?: string | undefined;
  readonly source: EvidenceSource;
  /** What it asks whatever the request, as plain data: part of what the journal knows a replicate by. */
  readonly promptIdentity?: unknown;
  /** Whether it heeds `replicate.fields`. */
  readonly asksForFields?: boolean | undefined;
  boundReplicates(request: Input, options: ResolvedBundleOptions, context: ToolContext): Promise<ReplicateBound>;
  executeReplicate(request: Input, replicate: ReplicateSpec, context: ReplicateContext): Promise<ReplicateResult<T>>;
  withModel?(model: string | LanguageModelLike): ReplicateSource<Input, T>;
}

/** A source of replicates, with what bounds them. */
export interface BoundSource<Input, T> {
  readonly source: ReplicateSource<Input, T>;
  readonly bound: ReplicateBound;
}

/** What running a whole bundle as one call needs of a bundle tool. */
export interface BundleSource<Input, T> {
  readonly name: string;
  readonly provider?: string | undefined;
  executeBundle(request: Input, options: ResolvedBundleOptions, context: ToolContext): Promise<EvidenceBundle<T>>;
}

/** What a ceiling says of the size of a call. Its time is none: a call may take so long, and need not. */
export function amountsOf(ceiling: Budget | undefined): Budget | undefined {
  return ceiling && { tokens: ceiling.tokens, costUsd: ceiling.costUsd };
}

/** Bundle options with every default filled in. Seeds are left open where nobody gave any: they depend on the request. */
export type CheckedBundleOptions = ResolvedOptions<typeof bundleOptions>;

/**
 * Checks what the run and the tool say, the run's word counting more.
 *
 * @throws InvalidOptionsError naming every fault
 */
export function resolveBundleOptions(
  given: BundleOptions | undefined,
  defaults: BundleOptions | undefined,
): CheckedBundleOptions {
  const issues: OptionIssue[] = [];
  collectOptions(bundleOptions, defaults, "defaultOptions", issues);
  const resolved = collectOptions(
    bundleOptions,
    { ...withStopping(defaults), ...withStopping(given) },
    "toolOptions",
    issues,
  );
  if (resolved?.seeds && resolved.seeds.length < resolved.k) {
    issues.push({ path: "toolOptions.seeds", given: resolved.seeds, allowed: `at least k = ${resolved.k} seeds` });
  }
  if (issues.length > 0 || !resolved) throw new InvalidOptionsError(issues);
  return resolved;
}

/** Options without those given as `undefined`, where `epsilon` alone means the rule of that name. */
function withStopping(options: BundleOptions | undefined): BundleOptions {
  const given = Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined));
  return "epsilon" in given && !("stopping" in given) ? { ...given, stopping: "epsilon" } : given;
}
