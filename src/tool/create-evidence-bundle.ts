import type {
  BundleSummary,
  EvidenceBundle,
  EvidenceSource,
  Replicate,
  ResolvedBundleOptions,
} from "../contract/bundle.ts";
import { addCost, addUsage, zeroUsage } from "../contract/usage.ts";
import { summarize } from "../evidence/summary.ts";

/**
 * The evidence bundle of replicates that a tool got by itself.
 *
 * @param input `replicates` in the order in which they were asked for, `options` as `executeBundle` got them, `source`
 * of the answers (default `"live"`), `elapsedMs` of the whole (default 0), and why it ended before `k` of them
 *
 * @example
 * ```ts
 * override async executeBundle(request: Request, options: ResolvedBundleOptions) {
 *   return createEvidenceBundle({ task: this.name, replicates: await askAll(request, options), options });
 * }
 * ```
 */
export function createEvidenceBundle<T>(input: {
  task: string;
  replicates: readonly Replicate<T>[];
  options: ResolvedBundleOptions;
  source?: EvidenceSource | undefined;
  elapsedMs?: number | undefined;
  earlyStopReason?: string | undefined;
}): EvidenceBundle<T> {
  const { task, replicates, options, source = "live", elapsedMs = 0, earlyStopReason } = input;
  const models = new Set(replicates.map((replicate) => replicate.model));
  return {
    meta: {
      task,
      k: options.k ?? replicates.length,
      kCompleted: replicates.length,
      model: [...models].join(", "),
      seeds: replicates.map((replicate) => replicate.seed),
      earlyStopped: earlyStopReason !== undefined,
      ...(earlyStopReason !== undefined && { earlyStopReason }),
      totalElapsedMs: elapsedMs,
      ...(options.schemaUri !== undefined && { schemaUri: options.schemaUri }),
      source,
    },
    replicates: [...replicates],
    summary: summarizeReplicates(replicates, options),
    usageTotal: replicates.reduce((sum, { usage }) => (usage ? addUsage(sum, usage) : sum), zeroUsage()),
    costTotalUsd: replicates.reduce<number | null>((sum, { costUsd }) => addCost(sum, costUsd ?? null), 0),
  };
}

/** What replicates agree on, compared as the options say. */
export function summarizeReplicates<T>(
  replicates: readonly Replicate<T>[],
  options: ResolvedBundleOptions,
): BundleSummary<T> {
  return summarize(replicates as readonly (Replicate<T> & { data: T })[], options.compare);
}
