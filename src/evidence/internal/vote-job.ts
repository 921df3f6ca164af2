import { fewestJobLabels, isSingle, LabelledVotes, type Labels, sortedByKey } from "./labelled-votes.ts";
import { type Scaling, scaled } from "./platt.ts";
import { confidenceWithLikeness, withLikeness } from "./summary-votes.ts";
import { type GroupSizes, meanOf, toWeights, type VectorTerms, type VoteModel } from "./vote-model.ts";

/** Bundles beyond so many add no weight: they are less different from each other than the model takes them for. */
const fullWeight = 100;

/** Kinds of votes that wait to be added to the sum: to add them takes a millisecond or so. */
const mostDue = 64;

/** Votes on one field of one bundle. */
export interface Vote {
  readonly sizes: GroupSizes;
  /** Votes that texts like the consensus add to it. */
  readonly likeness?: number | undefined;
  /** Mean log-probability of the tokens of a single answer. */
  readonly logprob?: number | undefined;
}

/** Confidence in a consensus, and if labels have corrected it. */
export interface Judged {
  readonly confidence: number;
  readonly isLabelled: boolean;
}

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
    return this.#votes.labelled.count;
  }

  /** True where labels correct the confidence. */
  get isScaled(): boolean {
    return this.#scalingOfAll() !== undefined;
  }

  /** Vectors of sizes and how many bundles have them, sorted. */
  vectors(): [vector: string, bundles: number][] {
    return sortedByKey(this.#votes.vectors);
  }

  /** Labelled vectors of sizes, sorted. */
  labelled(): [vector: string, labels: Labels][] {
    return sortedByKey(this.#votes.labelled.byVector);
  }

  /** Labels of single answers by the log-probability of their tokens, to two digits; sorted. */
  labelledLogprobs(): [logprob: string, labels: Labels][] {
    return sortedByKey(this.#votes.labelled.byLogprob);
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

  /** @param bundles below 0 takes back so many that were counted */
  observe(sizes: GroupSizes, bundles = 1): void {
    const votes = this.#changing();
    const key = sizes.join();
    const counted = (votes.vectors.get(key) ?? 0) + bundles;
    votes.bundles += bundles;
    if (counted === 0) votes.vectors.delete(key);
    else votes.vectors.set(key, counted);
    const due = votes.due.get(key);
    if (due) due.bundles += bundles;
    else votes.due.set(key, { sizes, bundles });
    if (votes.due.size > mostDue) this.#addDue();
  }

  /** Counts labels of votes by their sizes; those of single answers by their log-probability too, where it is known. */
  label(sizes: GroupSizes, labels: Labels, logprob?: number | undefined): void {
    const votes = this.#changing();
    votes.labelled = votes.labelled.with(sizes, isSingle(sizes) ? logprob : undefined, labels);
  }

  /** Counts labels by log-probability that are counted by sizes already. */
  labelLogprob(logprob: number, labels: Labels): void {
    const votes = this.#changing();
    votes.labelled = votes.labelled.with(undefined, logprob, labels);
  }

  /** Judges the consensus of a bundle that was observed. */
  judge(vote: Vote): Judged {
    const scaling = this.#scalingOfAll();
    return judged(
      vote,
      (sizes) => this.#fromVotes(sizes),
      () => scaling,
    );
  }

  /** Judges the consensus of a further bundle, counted with the others. */
  judgeNext(vote: Vote): Judged {
    if (this.labels < fewestJobLabels)
      return judged(
        vote,
        (sizes) => this.#nextFromVotes(sizes),
        () => undefined,
      );
    let last: { readonly key: string; readonly posterior: Posterior } | undefined;
    const posteriorWith = (sizes: GroupSizes) => {
      const key = sizes.join();
      if (last?.key !== key) last = { key, posterior: Posterior.within(this.#weights(sizes), this.#model.places) };
      return last.posterior;
    };
    const confidenceBy = (posterior: Posterior) => (sizes: GroupSizes) =>
      posterior.mean(this.#model.terms(sizes).confidence);
    return judged(
      vote,
      (sizes) => confidenceBy(posteriorWith(sizes))(sizes),
      (sizes) => this.#votes.labelled.scaling(confidenceBy(posteriorWith(sizes))),
    );
  }

  #fromVotes(sizes: GroupSizes): number {
    const key = sizes.join();
    const known = this.#confidences.get(key);
    if (known !== undefined) return known;
    this.#posterior ??= Posterior.within(this.#weights().slice(), new Uint16Array(this.#model.logPrior.length));
    const confidence = this.#posterior.mean(this.#model.terms(sizes).confidence);
    this.#confidences.set(key, confidence);
    return confidence;
  }

  #nextFromVotes(sizes: GroupSizes): number {
    if (this.bundles === 0) return this.#model.confidenceAlone(sizes);
    return meanOf(this.#model.terms(sizes).confidence, this.#weights(sizes));
  }

  #scalingOfAll(): Scaling | undefined {
    if (this.#scaling === "unknown") this.#scaling = this.#votes.labelled.scaling((sizes) => this.#fromVotes(sizes));
    return this.#scaling;
  }

  /**
   * Weights of the grid, in an array that the next call writes to.
   *
   * @param further votes of one bundle more
   */
  #weights(further?: GroupSizes): Float64Array {
    this.#addDue();
    const weights = this.#votes.sum.writeTo(this.#model.scratch, further && this.#model.terms(further));
    const bundles = this.bundles + (further ? 1 : 0);
    toWeights(weights, this.#model.logPrior, Math.min(1, fullWeight / Math.max(1, bundles)));
    return weights;
  }

  #addDue(): void {
    const { sum, due } = this.#votes;
    for (const { sizes, bundles } of due.values()) if (bundles !== 0) sum.add(this.#model.terms(sizes), bundles);
    due.clear();
  }

  #changing(): CountedVotes {
    if (this.#isShared) {
      const { bundles, vectors, labelled, sum, due } = this.#votes;
      const copy = new Map([...due].map(([key, each]) => [key, { ...each }]));
      this.#votes = { bundles, vectors: new Map(vectors), labelled, sum: sum.copy(), due: copy };
      this.#isShared = false;
    }
    this.#posterior = undefined;
    this.#confidences = new Map();
    this.#scaling = "unknown";
    return this.#votes;
  }
}

/**
 * @param fromVotes the confidence of sizes without labels
 * @param scalingFor the scaling of a bundle of these sizes
 */
function judged(
  { sizes, likeness = 0, logprob }: Vote,
  fromVotes: (sizes: GroupSizes) => number,
  scalingFor: (sizes: GroupSizes) => Scaling | undefined,
): Judged {
  const unscaled = confidenceWithLikeness(sizes, likeness, fromVotes);
  // Labels are of whole votes: see `Votes.shown`.
  const shown = withLikeness(sizes, Math.round(likeness));
  const scaling = scalingFor(shown);
  if (!scaling) return { confidence: unscaled, isLabelled: false };
  const whole = likeness === 0 ? unscaled : fromVotes(shown);
  const told = isSingle(sizes) ? logprob : undefined;
  return { confidence: scaled(whole, scaling, unscaled, told), isLabelled: true };
}

/** Weights of the grid that are not 0: after a hundred bundles these are a third of it. */
class Posterior {
  readonly #places: Uint16Array;
  readonly #weights: Float64Array;
  readonly #count: number;
  readonly #total: number;

  private constructor(places: Uint16Array, weights: Float64Array, count: number, total: number) {
    this.#places = places;
    this.#weights = weights;
    this.#count = count;
    this.#total = total;
  }

  /** Keeps the weights in the arrays that are given, and is over once these are written again. */
  static within(weights: Float64Array, places: Uint16Array): Posterior {
    let [count, total] = [0, 0];
    for (let at = 0; at < weights.length; at++) {
      const weight = weights[at] as number;
      if (weight === 0) continue;
      places[count] = at;
      weights[count++] = weight;
      total += weight;
    }
    return new Posterior(places, weights, count, total);
  }

  mean(values: Float64Array): number {
    const [places, weights, count] = [this.#places, this.#weights, this.#count];
    let sum = 0;
    for (let at = 0; at < count; at++) sum += (weights[at] as number) * (values[places[at] as number] as number);
    return sum / this.#total;
  }
}

interface CountedVotes {
  bundles: number;
  readonly vectors: Map<string, number>;
  labelled: LabelledVotes;
  readonly sum: ExactSums;
  /** Bundles that the sum does not have yet: equal votes are added to it once, when it is read. */
  readonly due: Map<string, { readonly sizes: GroupSizes; bundles: number }>;
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
  return {
    bundles: 0,
    vectors: new Map(),
    labelled: new LabelledVotes(),
    sum: ExactSums.of(logPrior.length),
    due: new Map(),
  };
}
