import { type BundleSummary, type CompareOptions, summarize } from "../../src/evidence.ts";
import type { Sample } from "./data-set.ts";

/** What `summarize` makes of samples. */
export function summaryOf(samples: readonly Sample[], options?: CompareOptions): BundleSummary {
  const replicates = samples.map(({ data, valid, tokens }, at) => ({
    id: `r${at + 1}`,
    data,
    quality: { valid },
    usage: tokens === undefined ? undefined : { totalTokens: tokens },
  }));
  return summarize(replicates, options);
}

export function consensusOf(samples: readonly Sample[]): unknown {
  return summaryOf(samples).consensus ?? undefined;
}
