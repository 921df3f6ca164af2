import { type Scaling, scaled, scalingOf } from "./platt.ts";
import { type GroupSizes, meanOf, toWeights, type VectorTerms, type VoteModel } from "./vote-model.ts";

/** Fewer labels say too little to scale by. */
export const fewestJobLabels = 10;
/** Bundles beyond so many add no weight: they are less different from each other than the model takes them for. */
const fullWeight = 100;

/** How many of the labels of one vector of sizes say right, and how many wrong. */
export type Labels = readonly [right: number, wrong: number];

/**
 * Job: hold the votes on one field in the bundles of a job, and say how likely a consensus is right.
 * Boundary: knows sizes of groups, no values and no paths.
 * Invariants:
 * 1. A number depends on which votes and labels there are, never on their order: sums are exact, and labels are counted.
 * 2. A snapshot stays as it is.
 * 3. A scaling learnt from labels holds only where it is not worse on labels that it was not fitted to.
 */
export class VoteJob {
  readonly #model: VoteModel;
  /** Shared with snapshots until the next change. */
  #votes: CountedVotes;
  #isShared = false;
  #posterior: Posterior | undefined;
  #confidences = new Map<string, number>();
  #scaling: Scaling | undefined | "unknown" = "unknown";

  constructor(model: VoteModel, votes = noVotes(model)) {
    this.#model = model;
    this.#votes = votes;
  }

  /** Number of possible answers, where the model counts on it. */
  get choices(): number | undefined {
    return this.#model.choices;
  }

  /** Number of bundles with a valid sample. */
  get bundles(): number {
    return this.#votes.bundles;
  }

  get labels(): number {
    return [...this.#votes.labels.values()].reduce((sum, [right, wrong]) => sum + right + wrong, 0);
  }

  /** The scaling that labels ask for, if they do. */
  get scaling(): Scaling | undefined {
    if (this.#scaling === "unknown")
      this.#scaling =
        this.labels < fewestJobLabels
          ? undefined
          : scalingOf(
              this.labelled().map(([key, [right, wrong]]) => {
                return { confidence: this.#fromVotes(sizesOf(key)), right, wrong };
              }),
            );
    return this.#scaling;
  }

  /** Vectors of sizes and how many bundles have them, sorted. */
  vectors(): [vector: string, bundles: number][] {
    return sorted(this.#votes.vectors);
  }

  /** Labelled vectors of sizes, sorted. */
  labelled(): [vector: string, labels: Labels][] {
    return sorted(this.#votes.labels);
  }

  snapshot(): VoteJob {
    this.#isShared = true;
    const copy = new VoteJob(this.#model, this.#votes);
    copy.#isShared = true;
    copy.#posterior = this.#posterior;
    copy.#confidences = this.#confidences;
    copy.#scaling = this.#scaling;
    return copy;
  }

  observe(sizes: GroupSizes, bundles = 1): void {
    const votes = this.#changing();
    const key = sizes.join();
    votes.bundles += bundles;
    votes.vectors.set(key, (votes.vectors.get(key) ?? 0) + bundles);
    votes.sum.add(this.#model.terms(sizes), bundles);
  }

  label(sizes: GroupSizes, [right, wrong]: Labels): void {
    const { labels } = this.#changing();
    const [rightBefore, wrongBefore] = labels.get(sizes.join()) ?? [0, 0];
    labels.set(sizes.join(), [rightBefore + right, wrongBefore + wrong]);
  }

  /** Confidence in the consensus of a bundle that was observed. */
  confidence(sizes: GroupSizes): number {
    return this.#scaled(this.#fromVotes(sizes));
  }

  /** Confidence in the consensus of a further bundle, counted with the others. */
  confidenceWith(sizes: GroupSizes): number {
    if (this.bundles === 0) return this.#scaled(this.#model.confidenceAlone(sizes));
    const terms = this.#model.terms(sizes);
    const weights = this.#votes.sum.writeTo(this.#model.scratch, terms);
    this.#weigh(weights, this.bundles + 1);
    return this.#scaled(meanOf(terms.confidence, weights));
  }

  #scaled(fromVotes: number): number {
    const { scaling } = this;
    return scaling ? scaled(fromVotes, scaling) : fromVotes;
  }

  #fromVotes(sizes: GroupSizes): number {
    const key = sizes.join();
    const known = this.#confidences.get(key);
    if (known !== undefined) return known;
    if (!this.#posterior) {
      const weights = this.#votes.sum.writeTo(this.#model.scratch);
      this.#weigh(weights, this.bundles);
      this.#posterior = new Posterior(weights);
    }
    const confidence = this.#posterior.mean(this.#model.terms(sizes).confidence);
    this.#confidences.set(key, confidence);
    return confidence;
  }

  #weigh(logLikelihood: Float64Array, bundles: number): void {
    toWeights(logLikelihood, this.#model.logPrior, Math.min(1, fullWeight / Math.max(1, bundles)));
  }

  #changing(): CountedVotes {
    if (this.#isShared) {
      const { bundles, vectors, labels, sum } = this.#votes;
      this.#votes = { bundles, vectors: new Map(vectors), labels: new Map(labels), sum: sum.copy() };
      this.#isShared = false;
    }
    this.#posterior = undefined;
    this.#confidences = new Map();
    this.#scaling = "unknown";
    return this.#votes;
  }
}

/** Weights of the grid that are not 0: after a hundred bundles these are a third of it. */
class Posterior {
  readonly #places: Uint16Array;
  readonly #weights: Float64Array;
  readonly #total: number;

  constructor(weights: Float64Array) {
    const places = new Uint16Array(weights.length);
    const kept = new Float64Array(weights.length);
    let [count, total] = [0, 0];
    for (let at = 0; at < weights.length; at++) {
      const weight = weights[at] as number;
      if (weight === 0) continue;
      places[count] = at;
      kept[count++] = weight;
      total += weight;
    }
    this.#places = places.slice(0, count);
    this.#weights = kept.slice(0, count);
    this.#total = total;
  }

  mean(values: Float64Array): number {
    const [places, weights] = [this.#places, this.#weights];
    let sum = 0;
    for (let at = 0; at < places.length; at++)
      sum += (weights[at] as number) * (values[places[at] as number] as number);
    return sum / this.#total;
  }
}

/** Sizes that `join` made a key of. */
export function sizesOf(key: string): GroupSizes {
  return key.split(",").map(Number);
}

interface CountedVotes {
  bundles: number;
  readonly vectors: Map<string, number>;
  readonly labels: Map<string, Labels>;
  readonly sum: ExactSums;
}

/**
 * Sums over bundles that do not depend on their order: the likelihood of a vector is split into multiples of 2^-24 and of
 * 2^-54, and sums of these are exact up to some millions of bundles.
 */
class ExactSums {
  readonly #coarse: Float64Array;
  readonly #fine: Float64Array;

  private constructor(coarse: Float64Array, fine: Float64Array) {
    this.#coarse = coarse;
    this.#fine = fine;
  }

  static of(length: number): ExactSums {
    return new ExactSums(new Float64Array(length), new Float64Array(length));
  }

  copy(): ExactSums {
    return new ExactSums(this.#coarse.slice(), this.#fine.slice());
  }

  add({ coarse, fine }: VectorTerms, times: number): void {
    const [coarseSum, fineSum] = [this.#coarse, this.#fine];
    for (let at = 0; at < coarse.length; at++) {
      coarseSum[at] = (coarseSum[at] as number) + times * (coarse[at] as number);
      fineSum[at] = (fineSum[at] as number) + times * (fine[at] as number);
    }
  }

  /**
   * Writes the sums into an array, and returns it.
   *
   * @param further one more to be added
   */
  writeTo(sums: Float64Array, further?: VectorTerms): Float64Array {
    const [coarseSum, fineSum] = [this.#coarse, this.#fine];
    if (!further)
      for (let at = 0; at < sums.length; at++) sums[at] = (coarseSum[at] as number) + (fineSum[at] as number);
    else {
      const { coarse, fine } = further;
      for (let at = 0; at < sums.length; at++)
        sums[at] =
          (coarseSum[at] as number) + (coarse[at] as number) + ((fineSum[at] as number) + (fine[at] as number));
    }
    return sums;
  }
}

function noVotes({ logPrior }: VoteModel): CountedVotes {
  return { bundles: 0, vectors: new Map(), labels: new Map(), sum: ExactSums.of(logPrior.length) };
}

function sorted<V>(counts: ReadonlyMap<string, V>): [string, V][] {
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}
