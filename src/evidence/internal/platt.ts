/** Votes that have one confidence, and how many of them labels call right and wrong. */
export interface LabelledConfidence {
  readonly confidence: number;
  /** Mean log-probability of the tokens of a single answer, where its server tells them. */
  readonly logprob?: number | undefined;
  readonly right: number;
  readonly wrong: number;
}

/** Correction that labels ask for, as far as they can be trusted. */
export interface Scaling extends Fit {
  /** Mean and deviation of the log-probabilities of single answers among the labelled ones; there where they help. */
  readonly tokens: Spread | undefined;
  /** Share of the corrected confidence in what is given; the rest is the confidence without labels. */
  readonly share: number;
}

/** Scaling of log-odds: `sigmoid(slope logit(p) + shift + token z)` (Platt 1999); z is a log-probability in deviations. */
interface Fit {
  readonly slope: number;
  readonly shift: number;
  readonly token: number;
}

const slopePrior = { mean: 1, precision: 0.3 ** -2 };
const shiftPrior = { mean: 0, precision: 1 };
const tokenPrior = { mean: 0, precision: 0.5 ** -2 };
const mostSteps = 60;
const smallestStep = 1e-8;
/** A step is far smaller than the one before it, so that this leaves an error of some 1e-8 in what is only compared. */
const smallestFoldStep = 1e-4;
/** Keeps log-odds finite. */
const smallestOdds = 1e-6;
const folds = 5;
/** Fewer single answers with log-probabilities say too little of what these mean. */
const fewestTold = 10;
/** Log-probabilities further out than this many deviations say no more than that. */
const furthestDeviation = 3;

/** Labels of votes of one confidence, which stands as log-odds. */
interface Example {
  readonly odds: number;
  /** Log-probability in deviations from the mean; 0 where there is none. */
  readonly told: number;
  readonly right: number;
  readonly wrong: number;
}

/**
 * The scaling that labels ask for; undefined where labels that it was not fitted to are less likely under it than without.
 * Scaled and unscaled confidence are averaged by how likely each makes those labels (stacking by cross-validated likelihood:
 * Yao et al. 2018), so that few labels change little.
 */
export function scalingOf(labelled: readonly LabelledConfidence[]): Scaling | undefined {
  const plain = crossValidated(labelled, undefined);
  const tokens = spreadOfTold(labelled);
  const told = tokens && crossValidated(labelled, tokens);
  const { fit, gain } = told && told.gain > plain.gain ? told : plain;
  if (gain < 0) return undefined;
  return { ...fit, tokens: fit === told?.fit ? tokens : undefined, share: 1 / (1 + Math.exp(-gain)) };
}

/**
 * Confidence in a consensus.
 *
 * @param confidence that is scaled
 * @param unscaled the one without labels
 * @param logprob of a single answer
 */
export function scaled(
  confidence: number,
  { slope, shift, token, tokens, share }: Scaling,
  unscaled = confidence,
  logprob?: number | undefined,
): number {
  const odds = slope * logOdds(confidence) + shift + token * deviationsOf(logprob, tokens);
  return share / (1 + Math.exp(-odds)) + (1 - share) * unscaled;
}

const unscaledFit: Fit = { slope: 1, shift: 0, token: 0 };

/** Fits to all labels, and finds how much likelier those of each fold are under a fit to the others than without any. */
function crossValidated(
  labelled: readonly LabelledConfidence[],
  tokens: Spread | undefined,
): { fit: Fit; gain: number } {
  const examples = labelled.map(({ confidence, logprob, right, wrong }) => {
    return { odds: logOdds(confidence), told: deviationsOf(logprob, tokens), right, wrong };
  });
  const fit = fitScaling(examples, unscaledFit, smallestStep);
  let gain = -examples.reduce((sum, example) => sum + logLikelihood(example, unscaledFit), 0);
  for (let fold = 0; fold < folds; fold++) {
    const kept = heldOut(examples, fold);
    const others = examples.map((example, at) => less(example, kept[at] as Example));
    const ofOthers = fitScaling(others, fit, smallestFoldStep);
    for (const example of kept) if (example.right + example.wrong > 0) gain += logLikelihood(example, ofOthers);
  }
  return { fit, gain };
}

/** Every fifth label, counted through all of them: which ones they are depends on their number alone. */
function heldOut(examples: readonly Example[], fold: number): Example[] {
  let counted = 0;
  const take = (labels: number) => {
    const before = Math.ceil((counted - fold) / folds);
    counted += labels;
    return Math.ceil((counted - fold) / folds) - before;
  };
  return examples.map(({ odds, told, right, wrong }) => ({ odds, told, right: take(right), wrong: take(wrong) }));
}

function less(all: Example, some: Example): Example {
  return { odds: all.odds, told: all.told, right: all.right - some.right, wrong: all.wrong - some.wrong };
}

function logLikelihood({ odds, told, right, wrong }: Example, { slope, shift, token }: Fit): number {
  const scaledOdds = slope * odds + shift + token * told;
  const ofRight = right === 0 ? 0 : -right * Math.log1p(Math.exp(-scaledOdds));
  return wrong === 0 ? ofRight : ofRight - wrong * Math.log1p(Math.exp(scaledOdds));
}

/** The maximum of likelihood and priors, by Newton's method: it is unique, for the priors make the problem concave. */
function fitScaling(examples: readonly Example[], start: Fit, arrived: number): Fit {
  let { slope, shift, token } = start;
  for (let step = 0; step < mostSteps; step++) {
    // Gradient, and the upper half of the matrix of second derivatives.
    let g1 = (slope - slopePrior.mean) * slopePrior.precision;
    let g2 = (shift - shiftPrior.mean) * shiftPrior.precision;
    let g3 = (token - tokenPrior.mean) * tokenPrior.precision;
    let [h11, h12, h13] = [slopePrior.precision, 0, 0];
    let [h22, h23, h33] = [shiftPrior.precision, 0, tokenPrior.precision];
    for (const { odds, told, right, wrong } of examples) {
      const expected = 1 / (1 + Math.exp(-slope * odds - shift - token * told));
      const excess = (right + wrong) * expected - right;
      const spread = (right + wrong) * expected * (1 - expected);
      g1 += excess * odds;
      g2 += excess;
      g3 += excess * told;
      h11 += spread * odds * odds;
      h12 += spread * odds;
      h13 += spread * odds * told;
      h22 += spread;
      h23 += spread * told;
      h33 += spread * told * told;
    }
    const [c11, c12, c13] = [h22 * h33 - h23 * h23, h13 * h23 - h12 * h33, h12 * h23 - h13 * h22];
    const [c22, c23, c33] = [h11 * h33 - h13 * h13, h12 * h13 - h11 * h23, h11 * h22 - h12 * h12];
    const determinant = h11 * c11 + h12 * c12 + h13 * c13;
    const slopeStep = (c11 * g1 + c12 * g2 + c13 * g3) / determinant;
    const shiftStep = (c12 * g1 + c22 * g2 + c23 * g3) / determinant;
    const tokenStep = (c13 * g1 + c23 * g2 + c33 * g3) / determinant;
    const largest = Math.max(Math.abs(slopeStep), Math.abs(shiftStep), Math.abs(tokenStep));
    const damping = 1 / Math.max(1, largest);
    slope -= damping * slopeStep;
    shift -= damping * shiftStep;
    token -= damping * tokenStep;
    if (largest < arrived) break;
  }
  return { slope, shift, token };
}

interface Spread {
  readonly mean: number;
  readonly deviation: number;
}

/** Mean and standard deviation of the log-probabilities; undefined where too few are known, or all are equal. */
function spreadOfTold(labelled: readonly LabelledConfidence[]): Spread | undefined {
  let [count, sum, squares] = [0, 0, 0];
  for (const { logprob, right, wrong } of labelled) {
    if (logprob === undefined) continue;
    count += right + wrong;
    sum += (right + wrong) * logprob;
    squares += (right + wrong) * logprob * logprob;
  }
  const mean = sum / count;
  const variance = squares / count - mean * mean;
  return count >= fewestTold && variance > 1e-12 ? { mean, deviation: Math.sqrt(variance) } : undefined;
}

function deviationsOf(logprob: number | undefined, tokens: Spread | undefined): number {
  if (logprob === undefined || !tokens) return 0;
  const deviations = (logprob - tokens.mean) / tokens.deviation;
  return Math.max(-furthestDeviation, Math.min(furthestDeviation, deviations));
}

function logOdds(confidence: number): number {
  const bounded = Math.min(1 - smallestOdds, Math.max(smallestOdds, confidence));
  return Math.log(bounded / (1 - bounded));
}
