import { TextComparison } from "./internal/text/text-comparison.ts";
import { TextProfile, wordsOf } from "./internal/text/text-profile.ts";

export { clusterTexts, type TextClusters } from "./internal/text/text-clusters.ts";

/**
 * A text without what does not change what it says: compatibility forms (NFKC), case, punctuation, spaces, English
 * articles before a word, commas within numbers. Negations stay (`n't` as the word `not`), and so do signs and decimal
 * points of numbers. A text without a word is only trimmed.
 *
 * @example
 * ```ts
 * normalizeText(" The Moon isn't 1,000 km away. "); // "moon is not 1000 km away"
 * ```
 */
export function normalizeText(text: string): string {
  return wordsOf(text).join(" ");
}

/**
 * Similarity of two normalised texts, by the first of these rules that holds:
 *
 * 1. The words of one stand together in the other: 1, as `Paris` and `Paris, France`.
 * 2. Both have at most 32 characters: one less the edits per character of the longer (Levenshtein 1965).
 * 3. The words they share, by the words of the one with more; letters of long texts agree by accident.
 *
 * Where they differ in a number or an English negation, 1 does not apply, and 2 gives 0: `5 mg` is not `50 mg`.
 *
 * Where one has more than 16,384 characters, none applies: they are compared by the passages of 12 letters and digits
 * that they share of all that they have (resemblance: Broder 1997), estimated from 256 of them to 3 points (standard
 * error). So two texts of any length take no longer than two of that length.
 *
 * @returns from 0 to 1; symmetric; 1 for equal texts
 *
 * @example
 * ```ts
 * textSimilarity("Joseph Goebbels", "Joseph Goebells"); // 0.87
 * textSimilarity("guilty", "not guilty"); // 0
 * ```
 */
export function textSimilarity(a: string, b: string): number {
  const comparison = new TextComparison();
  comparison.add(new TextProfile(a));
  return comparison.add(new TextProfile(b)).similarities[0] as number;
}
