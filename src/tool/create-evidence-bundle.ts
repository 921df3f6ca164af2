import type { BundleSummary, Escalation, EvidenceBundle, Replicate } from "../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../contract/bundle-options.ts";
import type { EvidenceSource } from "../contract/model.ts";
import { addCost, addUsage, zeroUsage } from "../contract/usage.ts";
import { summarizeParts } from "../evidence/parts.ts";
import type { ResolvedSchema } from "../schema/resolve.ts";

/**
 * The evidence bundle of replicates that a tool got by itself.
 *
 * @param input `replicates` in the order in which they were asked for, `options` as `executeBundle` got them, `source`
 * of the answers (default `"live"`), `elapsedMs` of the whole (default 0), why it ended before `k` of them, the
 * `schemaFingerprint` of what they had to fit, how often each of the `fieldsAsked` was, and the `summary` of them (default:
 * made here)
 *
 * @example
 * ```ts
 * class Panel extends BundleTool<string, { yes: boolean }> {
 *   readonly name = "panel";
 *   override async executeBundle(question: string, options: ResolvedBundleOptions) {
 *     const replicates: Replicate<{ yes: boolean }>[] = await ask(question, options.seeds);
 *     return createEvidenceBundle({ task: this.name, replicates, options });
 *   }
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
  schemaFingerprint?: string | undefined;
  summary?: BundleSummary<T> | undefined;
  escalations?: readonly Escalation[] | undefined;
  fieldsAsked?: Readonly<Record<string, number>> | undefined;
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
      ...(input.schemaFingerprint !== undefined && { schemaFingerprint: input.schemaFingerprint }),
      source,
      ...(input.escalations?.length && { escalations: [...input.escalations] }),
      ...(input.fieldsAsked && { fieldsAsked: { ...input.fieldsAsked } }),
    },
    replicates: [...replicates],
    summary: input.summary ?? summarizeReplicates(replicates, options),
    usageTotal: replicates.reduce((sum, { usage }) => (usage ? addUsage(sum, usage) : sum), zeroUsage()),
    costTotalUsd: replicates.reduce<number | null>((sum, { costUsd }) => addCost(sum, costUsd ?? null), 0),
  };
}

/** What replicates agree on, compared as the options say. `fits` refuses a consensus that no schema allows. */
export function summarizeReplicates<T>(
  replicates: readonly Replicate<T>[],
  { compare }: ResolvedBundleOptions,
  fits?: (value: unknown) => boolean,
): BundleSummary<T> {
  return summarizeParts(replicates as readonly (Replicate<T> & { data: T })[], { ...compare, check: fits });
}

/**
 * Like `summarizeReplicates`, with a consensus that fits the schema: put together from fields that were voted on one by
 * one, it may not, and is then a replicate that was given as a whole.
 */
export async function summarizeWithin<T>(
  schema: ResolvedSchema | undefined,
  replicates: readonly Replicate<T>[],
  options: ResolvedBundleOptions,
): Promise<BundleSummary<T>> {
  const summary = summarizeReplicates(replicates, options);
  if (!schema || summary.consensus === null || (await schema.check(summary.consensus)).ok) return summary;
  return summarizeReplicates(replicates, options, () => false);
}
