import { averageLink } from "./average-link.ts";
import { TextComparison, type TextRow } from "./text-comparison.ts";
import { profileText, type TextProfile } from "./text-profile.ts";

/** Texts that are less alike than this are as different as any. */
const leastSimilarity = 0.5;

/** Texts by what they mean. */
export interface TextClusters {
  /** The indices of the texts of each cluster, rising; the largest cluster first, of equal ones the better scored. */
  readonly clusters: number[][];
  /** The text of the first cluster that is closest to all texts, of equally close ones the shortest; -1 of no texts. */
  readonly medoid: number;
  /** How close all texts are to the medoid on average, in [0, 1]. */
  readonly score: number;
}

/**
 * Puts texts into clusters that say the same, as far as letters and words tell it: average link, cut at a similarity of
 * one half; less counts as none. The score is the degree of the medoid in the graph of all texts (Lin et al. 2024),
 * where closeness is half similarity and half the words in common, so that of two texts that say the same the more usual
 * one stands out. A caller's similarity, where there is one, is all that counts.
 *
 * Texts that are equal once normalised are compared once; the time grows with the square of the others. The clusters do
 * not depend on the order of the texts.
 *
 * @param similarity of two texts as they came, in [0, 1], symmetric. Default: `textSimilarity`.
 *
 * @example
 * ```ts
 * clusterTexts(["Lyon", "Paris", "paris.", "Paris, France"]).clusters; // [[1, 2, 3], [0]]
 * ```
 */
export function clusterTexts(
  texts: readonly string[],
  similarity?: ((a: string, b: string) => number) | undefined,
): TextClusters {
  const distinct = distinctTexts(texts);
  const weights = distinct.map(({ members }) => members.length);
  const { sums, degrees } = measure(similarity ? rowsBy(similarity, distinct) : rows(distinct), weights);
  const clusters = averageLink(sums, weights, leastSimilarity)
    .map((cluster) => describe(cluster, distinct, degrees))
    .sort((a, b) => b.members.length - a.members.length || b.degree - a.degree || a.medoid - b.medoid);
  const { medoid = -1, degree = 0 } = clusters[0] ?? {};
  return { clusters: clusters.map(({ members }) => members), medoid, score: degree / Math.max(1, texts.length) };
}

interface DistinctText {
  readonly profile: TextProfile;
  /** As it came; of several forms the first by code units. */
  readonly original: string;
  /** Where it stands among all texts. */
  readonly members: number[];
}

/** Texts that differ once normalised, in an order that does not depend on theirs. */
function distinctTexts(texts: readonly string[]): DistinctText[] {
  const profiles = new Map<string, TextProfile>();
  const byText = new Map<string, { profile: TextProfile; original: string; members: number[] }>();
  for (const [index, original] of texts.entries()) {
    const profile = profiles.get(original) ?? profileText(original);
    profiles.set(original, profile);
    const known = byText.get(profile.text);
    if (!known) byText.set(profile.text, { profile, original, members: [index] });
    else {
      known.members.push(index);
      if (original < known.original) known.original = original;
    }
  }
  return [...byText.values()].sort((a, b) => (a.profile.text < b.profile.text ? -1 : 1));
}

function* rows(distinct: readonly DistinctText[]): Generator<TextRow> {
  const comparison = new TextComparison({ least: leastSimilarity });
  for (const { profile } of distinct) yield comparison.add(profile);
}

function* rowsBy(similarity: (a: string, b: string) => number, distinct: readonly DistinctText[]): Generator<TextRow> {
  for (const [row, { original }] of distinct.entries()) {
    const similarities = Float64Array.from(distinct.slice(0, row), (earlier) => {
      const alike = similarity(earlier.original, original);
      return alike >= leastSimilarity ? alike : 0;
    });
    yield { similarities, closeness: similarities };
  }
}

/** How alike every two texts are, in sum over all that are equal to them; and how close each is to all, itself included. */
function measure(rows: Iterable<TextRow>, weights: readonly number[]): { sums: Float64Array; degrees: Float64Array } {
  const size = weights.length;
  const sums = new Float64Array(size * size);
  const degrees = Float64Array.from(weights);
  let row = 0;
  for (const { similarities, closeness } of rows) {
    const weight = weights[row] as number;
    let degree = weight;
    for (let other = 0; other < row; other++) {
      const otherWeight = weights[other] as number;
      const sum = (similarities[other] as number) * weight * otherWeight;
      sums[row * size + other] = sum;
      sums[other * size + row] = sum;
      degree += (closeness[other] as number) * otherWeight;
      degrees[other] = (degrees[other] as number) + (closeness[other] as number) * weight;
    }
    degrees[row++] = degree;
  }
  return { sums, degrees };
}

function describe(
  cluster: readonly number[],
  distinct: readonly DistinctText[],
  degrees: Float64Array,
): { members: number[]; degree: number; medoid: number } {
  const members = cluster.map((text) => distinct[text] as DistinctText);
  const degree = Math.max(...cluster.map((text) => degrees[text] as number));
  const [medoid] = cluster
    .filter((text) => degrees[text] === degree)
    .map((text) => distinct[text] as DistinctText)
    .sort((a, b) => a.profile.text.length - b.profile.text.length || first(a) - first(b)) as [DistinctText];
  return { members: members.flatMap((each) => each.members).sort((a, b) => a - b), degree, medoid: first(medoid) };
}

function first({ members }: DistinctText): number {
  return members[0] as number;
}
