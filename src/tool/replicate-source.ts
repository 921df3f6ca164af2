import type { EvidenceBundle, ReplicateResult, ReplicateSpec } from "../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../contract/bundle-options.ts";
import type { EvidenceSource, LanguageModelLike } from "../contract/model.ts";
import type { ReplicateContext, ToolContext } from "../contract/tool.ts";
import type { Budget } from "../contract/usage.ts";

/**
 * The most that one replicate may use; `undefined` where nobody knows.
 *
 * @param share what is left of the budget, divided by the replicates that may still be asked for
 * @param remaining all that is left of the budget
 * @param previousError of the attempt before, whose correction may make this one larger
 */
export type ReplicateBound = (share: Budget, remaining: Budget, previousError?: unknown) => Budget | undefined;

/** What the scheduling of replicates needs of a bundle tool. */
export interface ReplicateSource<Input, T> {
  readonly name: string;
  readonly version?: string | undefined;
  readonly provider?: string | undefined;
  readonly modelId?: string | undefined;
  readonly source: EvidenceSource;
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
