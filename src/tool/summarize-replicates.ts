import type { BundleSummary, Replicate } from "../contract/bundle.ts";
import type { ResolvedBundleOptions } from "../contract/bundle-options.ts";
import type { ToolContext } from "../contract/tool.ts";
import { CancelScope, onAbort } from "../core/signal.ts";
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
 * one, it may not, or nobody knows by the end of the run, and is then a replicate that was given as a whole.
 */
export async function summarizeWithin<T>(
  schema: ResolvedSchema | undefined,
  replicates: readonly Replicate<T>[],
  options: ResolvedBundleOptions,
  context: Pick<ToolContext, "signal">,
): Promise<BundleSummary<T>> {
  const summary = summarizeReplicates(replicates, options);
  if (!schema || summary.consensus === null) return summary;
  if (await inTime(isAllowed(schema, summary.consensus), context.signal)) return summary;
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

/** What has to be waited for is false once the run has ended; a check that only computes is still heard of then. */
function inTime(isTrue: Promise<boolean>, signal: AbortSignal): Promise<boolean> {
  const over = new CancelScope();
  const leave = onAbort(signal, () => process.nextTick(() => over.abort(signal.reason)));
  return over
    .race(isTrue)
    .catch(() => false)
    .finally(leave);
}
