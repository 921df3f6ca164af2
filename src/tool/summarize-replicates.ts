import type { BundleSummary, Replicate } from "../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../contract/bundle-options.ts";
import { summarizeParts } from "../evidence/parts.ts";
import type { ResolvedSchema } from "../schema/resolve.ts";

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
  if (!schema || summary.consensus === null || (await isAllowed(schema, summary.consensus))) return summary;
  return summarizeReplicates(replicates, options, () => false);
}

/** A schema may throw at what no answer was. */
async function isAllowed(schema: ResolvedSchema, consensus: unknown): Promise<boolean> {
  try {
    return (await schema.check(consensus)).ok;
  } catch {
    return false;
  }
}
