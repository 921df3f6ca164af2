import { type BundleFacts, bundleOf } from "../support/bundle-of.ts";

/** Labels of unanimous and of split bundles, of which the split ones are more often wrong. */
export function labels(count: number, facts?: BundleFacts) {
  return Array.from({ length: count }, (_, index) => {
    const isSplit = index % 2 === 0;
    return {
      id: `q${index}`,
      bundle: bundleOf(isSplit ? ["a", "b", "a"] : ["a", "a", "a"], facts),
      correct: isSplit ? index % 3 === 0 : index % 7 !== 0,
    };
  });
}
