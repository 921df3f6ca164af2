import { type LabelledConfidence, type Scaling, scalingOf } from "./platt.ts";
import { type GroupSizes, sizesOf } from "./vote-model.ts";

/** Fewer labels say too little to scale by. */
export const fewestJobLabels = 10;

/** Counts of the labels of some votes that say right, and that say wrong. */
export type Labels = readonly [right: number, wrong: number];

type LabelCounts = ReadonlyMap<string, Labels>;

/**
 * Job: count labels by the votes that they are of, and fit the scaling that they ask for.
 * Boundary: knows sizes of groups; what confidence these have comes from the caller.
 * Invariants:
 * 1. It never changes: `with` gives another one.
 * 2. A fit depends on the counts alone, not on the order of labels, and is made again only once a confidence has changed.
 */
export class LabelledVotes {
  readonly byVector: LabelCounts;
  /** Labels of single answers by the mean log-probability of their tokens; `byVector` counts them too. */
  readonly byLogprob: LabelCounts;
  readonly count: number;
  #parts: readonly LabelledVector[] | undefined;
  #last: { readonly confidences: readonly number[]; readonly scaling: Scaling | undefined } | undefined;

  constructor(byVector: LabelCounts = new Map(), byLogprob: LabelCounts = new Map()) {
    this.byVector = byVector;
    this.byLogprob = byLogprob;
    this.count = [...byVector.values()].reduce((sum, [right, wrong]) => sum + right + wrong, 0);
  }

  /** Adds labels of votes of these sizes, and of single answers of this log-probability. */
  with(sizes: GroupSizes | undefined, logprob: number | undefined, labels: Labels): LabelledVotes {
    return new LabelledVotes(
      sizes ? added(this.byVector, sizes.join(), labels) : this.byVector,
      logprob === undefined ? this.byLogprob : added(this.byLogprob, rounded(logprob), labels),
    );
  }

  /**
   * Returns the scaling that labels ask for, if they do.
   *
   * @param fromVotes the confidence of votes of these sizes, without labels
   */
  scaling(fromVotes: (sizes: GroupSizes) => number): Scaling | undefined {
    if (this.count < fewestJobLabels) return undefined;
    this.#parts ??= sortedByKey(this.byVector).map(([vector, labels]) => this.#partOf(vector, labels));
    const confidences = this.#parts.map(({ sizes }) => fromVotes(sizes));
    if (this.#last?.confidences.every((known, at) => known === confidences[at])) return this.#last.scaling;
    const scaling = scalingOf(
      this.#parts.flatMap(({ labelled }, at) =>
        labelled.map((one) => ({
          confidence: confidences[at] as number,
          logprob: one.logprob,
          right: one.right,
          wrong: one.wrong,
        })),
      ),
    );
    this.#last = { confidences, scaling };
    return scaling;
  }

  #partOf(vector: string, [right, wrong]: Labels): LabelledVector {
    const told = vector === singleAnswer ? sortedByKey(this.byLogprob) : [];
    const labelled = told.map(([logprob, [right, wrong]]) => ({ logprob: Number(logprob), right, wrong }));
    const untold = {
      right: right - labelled.reduce((sum, one) => sum + one.right, 0),
      wrong: wrong - labelled.reduce((sum, one) => sum + one.wrong, 0),
    };
    return { sizes: sizesOf(vector), labelled: [untold, ...labelled] };
  }
}

/** Labels of votes of the same sizes, by what else is known of them. */
interface LabelledVector {
  readonly sizes: GroupSizes;
  readonly labelled: readonly Omit<LabelledConfidence, "confidence">[];
}

/** Vector of one valid answer. */
const singleAnswer = "1";

export function isSingle([consensus, ...others]: GroupSizes): boolean {
  return consensus === 1 && others.length === 0;
}

function added(counts: LabelCounts, key: string, [right, wrong]: Labels): LabelCounts {
  const [rightBefore, wrongBefore] = counts.get(key) ?? [0, 0];
  return new Map(counts).set(key, [rightBefore + right, wrongBefore + wrong]);
}

const highestLogprob = -1e-3;
const lowestLogprob = -10;

/** Two digits: the labels of some hundred values are kept, however many there are. */
function rounded(logprob: number): string {
  return String(Number(Math.min(highestLogprob, Math.max(lowestLogprob, logprob)).toPrecision(2)));
}

export function sortedByKey<V>(counts: ReadonlyMap<string, V>): [string, V][] {
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}
