import { atOnce, type Slices } from "../../../core/slices.ts";
import { TextComparison, type TextRow } from "./text-comparison.ts";
import { TextProfile } from "./text-profile.ts";

/** Texts that are less alike than this are as different as any. */
const leastSimilarity = 0.5;

/** Texts by what they mean. */
export interface TextClusters {
  /** The indices of the texts of each cluster, rising; the largest cluster first, of equal ones the better scored. */
  readonly clusters: number[][];
  /** The text of the first cluster that is closest to all texts, of equally close ones the shortest; -1 of no texts. */
  readonly medoid: number;
  /** Mean closeness of all texts to the medoid, in [0, 1]. */
  readonly score: number;
}

/**
 * Puts texts into clusters that say the same, as far as letters and words tell it: average link, cut at a similarity of
 * one half; less counts as none. The score is the degree of the medoid in the graph of all texts (Lin et al. 2024),
 * where closeness is half similarity and half the words in common, so that of two texts that say the same the more usual
 * one stands out. A caller's similarity, where there is one, is all that counts.
 *
 * Texts that are equal once normalised are compared once; the time grows with the square of the others, and no longer
 * with their length above 16,384 characters, but for reading each once. The clusters do not depend on the order of the
 * texts.
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
  const profiles = new Map<string, TextProfile>();
  const all = texts.map((text) => {
    const profile = profiles.get(text) ?? new TextProfile(text);
    profiles.set(text, profile);
    return profile;
  });
  return atOnce(clusterProfiles(all, similarity));
}

/**
 * Measures how close each text is to all, itself included, weighted by votes. It breaks a tie between answers.
 *
 * @param answers texts that differ
 */
export function* closenessOf(
  answers: readonly { readonly text: string; readonly votes: number }[],
): Slices<Float64Array> {
  const weights = Float64Array.from(answers, ({ votes }) => votes);
  // One answer is as close to all as its votes.
  if (answers.length === 1) return weights;
  const distinct: DistinctText[] = [];
  for (const { text } of answers) {
    distinct.push({ profile: new TextProfile(text), members: [] });
    yield 2 + text.length / 16;
  }
  return (yield* measure(rows(distinct), weights, distinct)).degrees;
}

type Similarity = (a: string, b: string) => number;

/** `clusterTexts` of texts that are profiled already. */
export function* clusterProfiles(
  profiles: readonly TextProfile[],
  similarity?: Similarity | undefined,
): Slices<TextClusters> {
  const distinct = distinctTexts(profiles);
  const weights = Float64Array.from(distinct, ({ members }) => members.length);
  const { links, degrees } = yield* measure(
    similarity ? rowsBy(similarity, distinct) : rows(distinct),
    weights,
    distinct,
  );
  const linked: number[][] = [];
  for (const group of linkedGroups(links))
    linked.push(...(group.length === 1 ? [group] : yield* averageLinkWithin(group, links, weights)));
  const clusters = linked
    .map((cluster) => describe(cluster, distinct, degrees))
    .sort((a, b) => b.members.length - a.members.length || b.degree - a.degree || a.medoid - b.medoid);
  const { medoid = -1, degree = 0 } = clusters[0] ?? {};
  return { clusters: clusters.map(({ members }) => members), medoid, score: degree / Math.max(1, profiles.length) };
}

interface DistinctText {
  /** First of its forms by code units. */
  readonly profile: TextProfile;
  /** Its index among all texts. */
  readonly members: number[];
}

/** Texts that differ once normalised, in an order that does not depend on theirs. */
function distinctTexts(profiles: readonly TextProfile[]): DistinctText[] {
  const byText = new Map<string, { profile: TextProfile; members: number[] }>();
  profiles.forEach((profile, index) => {
    const known = byText.get(profile.text);
    if (!known) byText.set(profile.text, { profile, members: [index] });
    else {
      known.members.push(index);
      if (profile.raw < known.profile.raw) known.profile = profile;
    }
  });
  return [...byText.values()].sort((a, b) => (a.profile.text < b.profile.text ? -1 : 1));
}

function* rows(distinct: readonly DistinctText[]): Generator<TextRow> {
  const comparison = new TextComparison({ least: leastSimilarity });
  for (const { profile } of distinct) yield comparison.add(profile);
}

function* rowsBy(similarity: Similarity, distinct: readonly DistinctText[]): Generator<TextRow> {
  for (const [row, { profile }] of distinct.entries()) {
    const similarities = Float64Array.from(distinct.slice(0, row), (earlier) => {
      const alike = similarity(earlier.profile.raw, profile.raw);
      return alike >= leastSimilarity ? alike : 0;
    });
    yield { similarities, overlaps: similarities };
  }
}

/**
 * How alike every two texts are, by the later one and the earlier, where that one is like any; and how close each is to
 * all, itself included.
 */
function* measure(
  rows: Iterable<TextRow>,
  weights: Float64Array,
  distinct: readonly DistinctText[],
): Slices<{ links: (Float64Array | undefined)[]; degrees: Float64Array }> {
  const links: (Float64Array | undefined)[] = [];
  const degrees = Float64Array.from(weights);
  for (const { similarities, overlaps } of rows) {
    const row = links.length;
    const weight = weights[row] as number;
    let [degree, mostAlike] = [weight, 0];
    for (let other = 0; other < row; other++) {
      const similarity = similarities[other] as number;
      const close = (similarity + (overlaps[other] as number)) / 2;
      degree += close * (weights[other] as number);
      degrees[other] = (degrees[other] as number) + close * weight;
      mostAlike = Math.max(mostAlike, similarity);
    }
    degrees[row] = degree;
    links.push(mostAlike > 0 ? similarities.slice(0, row) : undefined);
    yield 200 + row + (distinct[row] as DistinctText).profile.raw.length / 64;
  }
  return { links, degrees };
}

/** The clusters of texts that are linked with each other; texts of different groups are in different clusters. */
function* averageLinkWithin(
  group: readonly number[],
  links: readonly (Float64Array | undefined)[],
  weights: Float64Array,
): Slices<number[][]> {
  const size = group.length;
  const sums = new Float64Array(size * size);
  const own = group.map((text) => weights[text] as number);
  for (let row = 1; row < size; row++) {
    const similarities = links[group[row] as number];
    for (let other = 0; other < row; other++) {
      const similarity = similarities?.[group[other] as number] ?? 0;
      const sum = similarity * (own[row] as number) * (own[other] as number);
      sums[row * size + other] = sum;
      sums[other * size + row] = sum;
    }
    yield row / 16;
  }
  return (yield* linkOnAverage(sums, own, leastSimilarity)).map((items) => items.map((item) => group[item] as number));
}

function describe(
  cluster: readonly number[],
  distinct: readonly DistinctText[],
  degrees: Float64Array,
): { members: number[]; degree: number; medoid: number } {
  const degreeOf = (text: number) => degrees[text] as number;
  const lengthOf = (text: number) => (distinct[text] as DistinctText).profile.text.length;
  const firstOf = (text: number) => (distinct[text] as DistinctText).members[0] as number;
  const closest = cluster.reduce((best, text) => {
    const order = degreeOf(best) - degreeOf(text) || lengthOf(text) - lengthOf(best) || firstOf(text) - firstOf(best);
    return order < 0 ? text : best;
  });
  const members = cluster.flatMap((text) => (distinct[text] as DistinctText).members).sort((a, b) => a - b);
  return { members, degree: degreeOf(closest), medoid: firstOf(closest) };
}

/**
 * Agglomerative clusters by average link (UPGMA: Sokal and Michener 1958): the two clusters whose members are most alike
 * on average become one, as long as that is at least `threshold`. Found by chains of nearest neighbours (Murtagh 1983),
 * so in a time of the square of the items. The lower index wins ties.
 *
 * @param sums n x n, symmetric: the similarities of every two members of two items; overwritten
 * @param weights how many members each item has
 * @returns the items of each cluster
 */
export function averageLink(sums: Float64Array, weights: readonly number[], threshold: number): number[][] {
  return atOnce(linkOnAverage(sums, weights, threshold));
}

function* linkOnAverage(sums: Float64Array, weights: readonly number[], threshold: number): Slices<number[][]> {
  const clusters = new Linkage(sums, weights);
  const settled: number[][] = [];
  const chain: number[] = [];
  for (let start = clusters.first(); start !== undefined; start = clusters.first()) {
    chain.push(start);
    while (chain.length > 0) {
      yield weights.length / 16;
      const end = chain.at(-1) as number;
      const previous = chain.at(-2);
      const nearest = clusters.nearest(end, previous);
      if (nearest === undefined || clusters.average(end, nearest) < threshold) {
        settled.push(clusters.take(end));
        chain.pop();
      } else if (nearest === previous) {
        clusters.merge(previous, end);
        chain.length -= 2;
      } else chain.push(nearest);
    }
  }
  return settled;
}

/** Clusters that are not settled yet, each under the index of one of its items. */
class Linkage {
  /** Similarities of every two members of two clusters. */
  readonly #sums: Float64Array;
  readonly #weights: number[];
  readonly #members: (number[] | undefined)[];
  readonly #size: number;
  readonly #open: Set<number>;

  constructor(sums: Float64Array, weights: readonly number[]) {
    this.#size = weights.length;
    this.#sums = sums;
    this.#weights = [...weights];
    this.#members = weights.map((_, item) => [item]);
    this.#open = new Set(weights.keys());
  }

  first(): number | undefined {
    return this.#open.values().next().value;
  }

  average(a: number, b: number): number {
    return this.#sum(a, b) / ((this.#weights[a] as number) * (this.#weights[b] as number));
  }

  /** The cluster most like `a`; of equal ones `preferred`, else the lowest. */
  nearest(a: number, preferred: number | undefined): number | undefined {
    let best = preferred;
    let most = best === undefined ? -1 : this.average(a, best);
    for (const other of this.#open) {
      if (other === a) continue;
      const average = this.average(a, other);
      if (average > most) [best, most] = [other, average];
    }
    return best;
  }

  merge(kept: number, gone: number): void {
    for (const other of this.#open) {
      const sum = this.#sum(kept, other) + this.#sum(gone, other);
      this.#sums[this.#at(kept, other)] = sum;
      this.#sums[this.#at(other, kept)] = sum;
    }
    this.#weights[kept] = (this.#weights[kept] as number) + (this.#weights[gone] as number);
    this.#members[kept]?.push(...this.take(gone));
  }

  /** Takes a cluster out. */
  take(cluster: number): number[] {
    this.#open.delete(cluster);
    return this.#members[cluster] as number[];
  }

  #at(a: number, b: number): number {
    return a * this.#size + b;
  }

  #sum(a: number, b: number): number {
    return this.#sums[this.#at(a, b)] as number;
  }
}

/**
 * Items that are linked with each other, directly or over others (connected components, found by disjoint sets: Tarjan
 * 1975).
 *
 * @param links by item, how strong its link is to each item before it, 0 for none; undefined where all are none
 * @returns the items of each group, rising; the group with the lowest item first
 */
function linkedGroups(links: readonly (Float64Array | undefined)[]): number[][] {
  const parents = Array.from(links.keys());
  links.forEach((strengths, item) => {
    strengths?.forEach((strength, other) => {
      if (strength > 0) join(parents, item, other);
    });
  });
  const groups: number[][] = [];
  for (const item of parents.keys()) {
    const first = firstOf(parents, item);
    if (groups[first]) groups[first].push(item);
    else groups[first] = [item];
  }
  return groups.filter(() => true);
}

function join(parents: number[], a: number, b: number): void {
  const [one, other] = [firstOf(parents, a), firstOf(parents, b)];
  parents[Math.max(one, other)] = Math.min(one, other);
}

/** The lowest item that an item is joined with so far. */
function firstOf(parents: number[], item: number): number {
  let at = item;
  while (parents[at] !== at) {
    parents[at] = parents[parents[at] as number] as number;
    at = parents[at] as number;
  }
  return at;
}
