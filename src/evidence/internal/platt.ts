/** Votes that have one confidence, and how many of them labels call right and wrong. */
export interface LabelledConfidence {
  readonly confidence: number;
  readonly right: number;
  readonly wrong: number;
}

/** Scaling of log-odds: `sigmoid(slope logit(p) + shift)` (Platt 1999). */
export interface Scaling {
  readonly slope: number;
  readonly shift: number;
}

const slopePrior = { mean: 1, precision: 0.3 ** -2 };
const shiftPrior = { mean: 0, precision: 1 };
const mostSteps = 60;
const smallestStep = 1e-8;
/** Keeps log-odds finite. */
const smallestOdds = 1e-6;
const folds = 5;

/** Labels of votes of one confidence, which stands as log-odds. */
interface Example {
  readonly odds: number;
  readonly right: number;
  readonly wrong: number;
}

/** The scaling that labels ask for; undefined where it is worse on labels that it was not fitted to (Brier score). */
export function scalingOf(labelled: readonly LabelledConfidence[]): Scaling | undefined {
  const examples = labelled.map(({ confidence, right, wrong }) => ({ odds: logOdds(confidence), right, wrong }));
  const full = fitScaling(examples, unscaled);
  let [before, after] = [0, 0];
  for (let fold = 0; fold < folds; fold++) {
    const kept = heldOut(examples, fold);
    const scaling = fitScaling(
      examples.map((example, at) => less(example, kept[at] as Example)),
      full,
    );
    for (const example of kept) {
      before += squaredError(example, unscaled);
      after += squaredError(example, scaling);
    }
  }
  return after <= before ? full : undefined;
}

const unscaled: Scaling = { slope: 1, shift: 0 };

export function scaled(confidence: number, { slope, shift }: Scaling): number {
  return 1 / (1 + Math.exp(-slope * logOdds(confidence) - shift));
}

/** Every fifth label, counted through all of them: which ones they are depends on their number alone. */
function heldOut(examples: readonly Example[], fold: number): Example[] {
  let counted = 0;
  const take = (labels: number) => {
    const before = Math.ceil((counted - fold) / folds);
    counted += labels;
    return Math.ceil((counted - fold) / folds) - before;
  };
  return examples.map(({ odds, right, wrong }) => ({ odds, right: take(right), wrong: take(wrong) }));
}

function less(all: Example, some: Example): Example {
  return { odds: all.odds, right: all.right - some.right, wrong: all.wrong - some.wrong };
}

function squaredError({ odds, right, wrong }: Example, { slope, shift }: Scaling): number {
  const confidence = 1 / (1 + Math.exp(-slope * odds - shift));
  return right * (1 - confidence) ** 2 + wrong * confidence ** 2;
}

/** The maximum of likelihood and priors, by Newton's method: it is unique, for the priors make the problem concave. */
function fitScaling(examples: readonly Example[], start: Scaling): Scaling {
  let { slope, shift } = start;
  for (let step = 0; step < mostSteps; step++) {
    let bySlope = (slope - slopePrior.mean) * slopePrior.precision;
    let byShift = (shift - shiftPrior.mean) * shiftPrior.precision;
    let [slopeTwice, both, shiftTwice] = [slopePrior.precision, 0, shiftPrior.precision];
    for (const { odds, right, wrong } of examples) {
      const expected = 1 / (1 + Math.exp(-slope * odds - shift));
      const excess = (right + wrong) * expected - right;
      const spread = (right + wrong) * expected * (1 - expected);
      bySlope += excess * odds;
      byShift += excess;
      slopeTwice += spread * odds * odds;
      both += spread * odds;
      shiftTwice += spread;
    }
    const determinant = slopeTwice * shiftTwice - both * both;
    const slopeStep = (bySlope * shiftTwice - byShift * both) / determinant;
    const shiftStep = (byShift * slopeTwice - bySlope * both) / determinant;
    const largest = Math.max(Math.abs(slopeStep), Math.abs(shiftStep));
    const damping = 1 / Math.max(1, largest);
    slope -= damping * slopeStep;
    shift -= damping * shiftStep;
    if (largest < smallestStep) break;
  }
  return { slope, shift };
}

function logOdds(confidence: number): number {
  const bounded = Math.min(1 - smallestOdds, Math.max(smallestOdds, confidence));
  return Math.log(bounded / (1 - bounded));
}
