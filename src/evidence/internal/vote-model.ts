/**
 * Likelihood of the votes of a bundle. A sample is right with probability p, p ~ Beta(mu s, (1 - mu) s). Right samples form
 * one group; wrong ones form groups by a Pitman-Yor process (Pitman and Yor 1997) with concentration theta and discount d, or,
 * where the answers are listed, by a symmetric Dirichlet over the wrong ones. The four parameters are those of a job, and
 * unknown: a grid holds them, with a prior.
 */

const means = [0.02, 0.06, 0.12, 0.2, 0.3, 0.42, 0.55, 0.67, 0.78, 0.87, 0.94, 0.985];
const logStrengths = [-2, -1, 0, 1, 2];
const logConcentrations = [-2, -1, 0, 1, 2, 3];
const discounts = [0, 0.35, 0.7];
/** Share of an agreement of wrong answers that the confidence gives up for errors that all samples share. */
const sharedError = 0.1;
/** Vectors whose terms are kept; a job with ten samples a bundle has at most 138. */
const mostKept = 256;
const mostModels = 32;
/** Steps that it takes to compute the terms of a vector that is not kept. */
export const stepsOfVector = 400;

/** Sizes of the groups of equal answers of a bundle, that of the consensus first. */
export type GroupSizes = readonly number[];

/** Sizes that `join` made a key of. */
export function sizesOf(key: string): GroupSizes {
  return key.split(",").map(Number);
}

/** Terms of one vector of sizes, at every grid point. */
export interface VectorTerms {
  /** Logarithm of its likelihood: the sum of a multiple of 2^-24 and one of 2^-54, so that sums of many are exact. */
  readonly coarse: Float64Array;
  readonly fine: Float64Array;
  /** Probability that the consensus is right, less what errors that all samples share take of it. */
  readonly confidence: Float64Array;
}

/** Points of a grid that share everything but how right samples are, or everything but how wrong ones agree. */
interface WrongPoint {
  readonly concentration: number;
  readonly discount: number;
  /** Probability that two wrong samples agree. */
  readonly collision: number;
  readonly logPrior: number;
}

interface RightPoint {
  readonly mean: number;
  readonly strength: number;
  readonly logPrior: number;
}

/** A grid for answers of which there are so many, and the terms of the vectors seen so far. */
export class VoteModel {
  readonly logPrior: Float64Array;
  /** Room for the weights of one question: a job asks one for each field of each bundle. */
  readonly scratch: Float64Array;
  /** Room for the places of weights that are not 0. */
  readonly places: Uint16Array;
  readonly #rightPoints: readonly RightPoint[];
  readonly #wrongPoints: readonly WrongPoint[];
  readonly choices: number | undefined;
  readonly #known = new Map<string, VectorTerms>();
  readonly #alone = new Map<string, number>();

  private constructor(choices: number | undefined) {
    this.choices = choices;
    this.#rightPoints = rightPoints();
    this.#wrongPoints = wrongPoints(choices);
    this.logPrior = this.#spread((right, wrong) => right.logPrior + wrong.logPrior);
    this.scratch = new Float64Array(this.logPrior.length);
    this.places = new Uint16Array(this.logPrior.length);
  }

  /** Models of the process: pure tables, shared by all jobs. */
  static readonly #models = new Map<number | undefined, VoteModel>();

  /** @param choices number of possible answers; fewer than three tell nothing, and count as unknown */
  static of(choices: number | undefined): VoteModel {
    const known = choices !== undefined && choices >= 3 ? choices : undefined;
    return remembered(VoteModel.#models, known, mostModels, () => new VoteModel(known));
  }

  terms(sizes: GroupSizes): VectorTerms {
    return remembered(this.#known, sizes.join(), mostKept, () => this.#termsOf(sizes));
  }

  /** Confidence in the consensus of a bundle of which nothing is known but its votes. */
  confidenceAlone(sizes: GroupSizes): number {
    return remembered(this.#alone, sizes.join(), mostKept * 4, () => {
      const { coarse, fine, confidence } = this.terms(sizes);
      const weights = coarse.map((value, at) => value + (fine[at] as number));
      toWeights(weights, this.logPrior, 1);
      return meanOf(confidence, weights);
    });
  }

  #termsOf(sizes: GroupSizes): VectorTerms {
    // More groups than options cannot be: a schema that rewrites answers counts its options after that.
    const isBeyond = this.choices !== undefined && sizes.length > this.choices;
    const wrongPointsHere = isBeyond ? wrongPoints(sizes.length) : this.#wrongPoints;
    const [consensus] = sizes as [number];
    const total = sizes.reduce((sum, size) => sum + size, 0);
    const timesOf = countEach(sizes);
    const rights = this.#rightPoints.map((point) => new LogRight(point, total));
    const wrongs = wrongPointsHere.map((point) => new LogWrong(point, timesOf, sizes.length, total));
    const groups = [...timesOf].map(([size, times]) => ({
      times,
      isConsensus: size === consensus,
      right: rights.map((each) => each.of(size)),
      wrong: wrongs.map((each) => each.without(size)),
    }));
    const noneRight = rights.map((each) => each.of(0));
    const allWrong = wrongs.map((each) => each.without(0));
    const coarse = new Float64Array(this.logPrior.length);
    const fine = new Float64Array(this.logPrior.length);
    const confidence = new Float64Array(this.logPrior.length);
    let at = 0;
    for (const right of this.#rightPoints.keys())
      for (const [wrong, { collision }] of wrongPointsHere.entries()) {
        const none = (noneRight[right] as number) + (allWrong[wrong] as number);
        let largest = none;
        let consensusRight = 0;
        for (const group of groups) {
          const term = (group.right[right] as number) + (group.wrong[wrong] as number);
          largest = Math.max(largest, term);
          if (group.isConsensus) consensusRight = term;
        }
        let sum = Math.exp(none - largest);
        for (const group of groups)
          sum += group.times * Math.exp((group.right[right] as number) + (group.wrong[wrong] as number) - largest);
        const likelihood = largest + Math.log(sum);
        coarse[at] = Math.round(likelihood * 2 ** 24) / 2 ** 24;
        fine[at] = Math.round((likelihood - (coarse[at] as number)) * 2 ** 54) / 2 ** 54;
        confidence[at] = Math.exp(consensusRight - likelihood) * (1 - sharedError * collision);
        at++;
      }
    return { coarse, fine, confidence };
  }

  #spread(value: (right: RightPoint, wrong: WrongPoint) => number): Float64Array {
    return Float64Array.from(
      this.#rightPoints.flatMap((right) => this.#wrongPoints.map((wrong) => value(right, wrong))),
    );
  }
}

/** The mass of Beta(2, 1) between the midpoints to the neighbours of a mean, and a log-normal prior of the strength. */
function rightPoints(): RightPoint[] {
  return means.flatMap((mean, at) => {
    const from = at === 0 ? 0 : ((means[at - 1] as number) + mean) / 2;
    const to = at === means.length - 1 ? 1 : (mean + (means[at + 1] as number)) / 2;
    const mass = Math.log(to ** 2 - from ** 2);
    return logStrengths.map((log) => ({ mean, strength: Math.exp(log), logPrior: mass - log ** 2 / 2 }));
  });
}

function wrongPoints(choices: number | undefined): WrongPoint[] {
  return logConcentrations.flatMap((log) => {
    const concentration = Math.exp(log);
    const here = choices === undefined ? discounts : [-concentration / (choices - 1)];
    const logPrior = -((log / 1.2) ** 2) / 2;
    return here.map((discount) => {
      return { concentration, discount, collision: (1 - discount) / (1 + concentration), logPrior };
    });
  });
}

/** Logarithms of the probability that certain of all samples are right, and no others. */
class LogRight {
  readonly #right: Rise;
  readonly #wrong: Rise;
  readonly #all: number;
  readonly #total: number;

  constructor({ mean, strength }: RightPoint, total: number) {
    this.#right = new Rise(mean * strength, total);
    this.#wrong = new Rise((1 - mean) * strength, total);
    this.#all = new Rise(strength, total).of(total);
    this.#total = total;
  }

  of(right: number): number {
    return this.#right.of(right) + this.#wrong.of(this.#total - right) - this.#all;
  }
}

/** Logarithms of the probability that wrong samples form certain groups; `-Infinity` of more groups than there are options. */
class LogWrong {
  readonly #point: WrongPoint;
  readonly #groups: number;
  readonly #total: number;
  readonly #within: Rise;
  readonly #all: Rise;
  /** Sum over the groups of what their members after the first add. */
  #inside = 0;
  /** Sum of what the first members of all groups but the last add, and of the last. */
  #opened = 0;
  #last = 0;

  constructor(point: WrongPoint, timesOf: ReadonlyMap<number, number>, groups: number, total: number) {
    this.#point = point;
    this.#groups = groups;
    this.#total = total;
    this.#within = new Rise(1 - point.discount, total);
    this.#all = new Rise(point.concentration, total);
    for (const [size, times] of timesOf) this.#inside += times * this.#within.of(size - 1);
    for (let at = 0; at < groups; at++) {
      this.#opened += this.#last;
      this.#last = this.#opening(at);
    }
  }

  /** @param size of the group that is left out; 0: none is */
  without(size: number): number {
    if (this.#groups === 0) return 0;
    if (size === 0) return this.#opened + this.#last + this.#inside - this.#all.of(this.#total);
    return this.#opened + this.#inside - this.#within.of(size - 1) - this.#all.of(this.#total - size);
  }

  #opening(at: number): number {
    const { concentration, discount } = this.#point;
    const opening = concentration + at * discount;
    // The last option is used up where rounding leaves a little of it.
    return opening <= concentration * 1e-12 ? Number.NEGATIVE_INFINITY : Math.log(opening);
  }
}

/** Factors up to this number are multiplied one by one; the product of the others follows from Stirling's series. */
const mostFactors = 512;

/** Logarithms of x (x + 1) … (x + count - 1), by count. */
class Rise {
  readonly #x: number;
  readonly #sums: Float64Array;

  constructor(x: number, most: number) {
    this.#x = x;
    this.#sums = new Float64Array(Math.min(most, mostFactors) + 1);
    for (let count = 1; count < this.#sums.length; count++)
      this.#sums[count] = (this.#sums[count - 1] as number) + Math.log(x + count - 1);
  }

  of(count: number): number {
    if (count <= mostFactors) return this.#sums[count] as number;
    return (this.#sums[mostFactors] as number) + logGamma(this.#x + count) - logGamma(this.#x + mostFactors);
  }
}

/** Stirling's series, exact to the last digits from `mostFactors` on. */
function logGamma(x: number): number {
  return (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + 1 / (12 * x) - 1 / (360 * x ** 3);
}

function countEach(sizes: GroupSizes): Map<number, number> {
  const times = new Map<number, number>();
  for (const size of sizes) times.set(size, (times.get(size) ?? 0) + 1);
  return times;
}

/** Logarithms of weights this far below the largest add nothing to a sum of a thousand. */
const negligible = -37;

/** Turns logarithms of likelihoods into posterior weights of the grid, the largest 1, in the same array. */
export function toWeights(weights: Float64Array, logPrior: Float64Array, tempering: number): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (let at = 0; at < weights.length; at++) {
    const log = (logPrior[at] as number) + tempering * (weights[at] as number);
    weights[at] = log;
    if (log > largest) largest = log;
  }
  for (let at = 0; at < weights.length; at++) {
    const log = (weights[at] as number) - largest;
    weights[at] = log < negligible ? 0 : Math.exp(log);
  }
}

/** Weighted mean of the values of the grid. */
export function meanOf(values: Float64Array, weights: Float64Array): number {
  let sum = 0;
  let total = 0;
  for (let at = 0; at < values.length; at++) {
    const weight = weights[at] as number;
    sum += weight * (values[at] as number);
    total += weight;
  }
  return sum / total;
}

/** The value of a key, computed once; the oldest makes room. */
function remembered<K, V>(known: Map<K, V>, key: K, most: number, compute: () => V): V {
  const found = known.get(key);
  if (found !== undefined) return found;
  const value = compute();
  if (known.size >= most) known.delete(known.keys().next().value as K);
  known.set(key, value);
  return value;
}
