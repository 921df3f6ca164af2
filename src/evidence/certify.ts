import { assertUsable, InvalidOptionsError } from "../core/errors.ts";
import { logChoose } from "./internal/stopping/lead-probability.ts";

/** Precision to certify, and how sure the certificate is to be. */
export interface CertifyOptions {
  /** Share of right answers that the accepted set must have, in (0, 1). */
  readonly precision: number;
  /** Probability, over the draw of the labels, that a certificate is true: in (0, 1), 0.9 where it is left out. */
  readonly confidence?: number;
  /**
   * Number of this look at a growing set of labels, from 1, where the labels are looked at more than once. Look j spends
   * 1/2^j of what `confidence` leaves, so that all looks together keep it. Left out, the look is the only one.
   */
  readonly look?: number;
}

/** The accepted set: every answer with a score of at least `threshold`. */
export interface Certificate {
  /** Least score that is accepted; `null` where the labels certify nothing. */
  readonly threshold: number | null;
  readonly acceptedCount: number;
  /** Lower bound of the accepted set's precision, as sure as the certificate; 0 where nothing is accepted. */
  readonly precisionBound: number;
  /** Labels in the accepted set, and those of them that say wrong. */
  readonly acceptedLabels: number;
  readonly wrongLabels: number;
  /** Labels that were given. */
  readonly labelCount: number;
  /** Right labels, and no wrong one, that certify a large accepted set at this look; small sets need fewer. */
  readonly fewestLabels: number;
}

/**
 * Certifies that the answers with the highest scores are right in a share of at least `precision`, from labels of answers
 * that were drawn uniformly from the job. Thresholds are tested from strict to lax in a fixed sequence, each by the exact
 * test of a draw without replacement (hypergeometric), and the last that passes is the accepted set (Angelopoulos et al.
 * 2021, Learn then Test; Geifman and El-Yaniv 2017, selective prediction). Where the labels are drawn uniformly and the
 * scores do not depend on them, a certificate is false with a probability of at most `1 - confidence`.
 *
 * Labels of another draw (the least sure first, a stratified draw) and labels that the scores were fitted to certify
 * nothing: give `null` in their place.
 *
 * @param scores one an answer, higher is surer; `null` where there is no answer, which is never accepted
 * @param labels beside each score `true` (right), `false` (wrong), or `null` (not labelled)
 * @throws InvalidOptionsError for what is no list of scores, or labels that do not stand beside them
 *
 * @example
 * ```ts
 * const scores = [0.98, 0.97, 0.91, null];
 * const { threshold } = certify(scores, [true, null, true, null], { precision: 0.95 });
 * const accepted = scores.filter((score) => score !== null && threshold !== null && score >= threshold);
 * ```
 */
export function certify(
  scores: readonly (number | null)[],
  labels: readonly (boolean | null | undefined)[],
  { precision, confidence = 0.9, look }: CertifyOptions,
): Certificate {
  assertScores(scores);
  assertLabels(labels, scores.length);
  assertShare("precision", precision);
  assertShare("confidence", confidence);
  assertUsable(look === undefined || (Number.isInteger(look) && look > 0), "look", look, "a whole number from 1");

  const risk = look === undefined ? 1 - confidence : (1 - confidence) / 2 ** look;
  const steps = stepsOf(scores, labels);
  const labelCount = steps.at(-1)?.labels ?? 0;
  let accepted: Step | undefined;
  for (const step of steps) {
    const mostRight = Math.ceil(precision * step.count - roundingError) - 1;
    const riskOf = (right: number) => atLeastProbability(right, step.labels, mostRight, step.count);
    // The sequence begins by how many labels there are, never by what they say. A strict set with few labels fails by a
    // single wrong one, which ends the sequence: the more labels there are, the later it begins.
    if (step.labels < shareOfFirstSet * labelCount || riskOf(step.labels) > risk) continue;
    if (riskOf(step.right) > risk) break;
    accepted = step;
  }
  return {
    threshold: accepted?.score ?? null,
    acceptedCount: accepted?.count ?? 0,
    precisionBound: accepted ? lowerBound(accepted, risk) : 0,
    acceptedLabels: accepted?.labels ?? 0,
    wrongLabels: accepted ? accepted.labels - accepted.right : 0,
    labelCount,
    fewestLabels: labelsNeeded(precision, 1 - risk),
  };
}

/**
 * Labels that certify a large accepted set where all of them say right: 29 for a precision of 0.9 and 59 for 0.95, at a
 * confidence of 0.95. Each that says wrong asks for more; small jobs need fewer.
 *
 * @throws InvalidOptionsError for what is no share
 */
export function labelsNeeded(precision: number, confidence = 0.9): number {
  assertShare("precision", precision);
  assertShare("confidence", confidence);
  return Math.ceil(Math.log1p(-confidence) / Math.log(precision) - roundingError);
}

/** Share of all labels in the first set that is tested: a stricter set has so few that one wrong label ends the sequence. */
const shareOfFirstSet = 0.3;
/** Keeps 0.95 * 20 at 19. */
const roundingError = 1e-9;

/** Answers down to a score. */
interface Step {
  readonly score: number;
  readonly count: number;
  readonly labels: number;
  readonly right: number;
}

/** Sets of answers from the strictest threshold to the laxest, one for each different score. */
function stepsOf(scores: readonly (number | null)[], labels: readonly (boolean | null | undefined)[]): Step[] {
  const answered = scores.flatMap((score, index) => (score === null ? [] : [{ score, label: labels[index] }]));
  answered.sort((a, b) => b.score - a.score);
  const steps: Step[] = [];
  let [labelled, right] = [0, 0];
  for (const [index, { score, label }] of answered.entries()) {
    if (typeof label === "boolean") labelled++;
    if (label === true) right++;
    if (answered[index + 1]?.score !== score) steps.push({ score, count: index + 1, labels: labelled, right });
  }
  return steps;
}

/**
 * `P(x >= right)`, x being the right ones among `labels` drawn without replacement from `count`, `allRight` of them right. The
 * tail that does not hold the mode is summed, from its largest term on: no term that counts is too small for a number.
 */
function atLeastProbability(right: number, labels: number, allRight: number, count: number): number {
  const allWrong = count - allRight;
  const [least, most] = [Math.max(0, labels - allWrong), Math.min(labels, allRight)];
  if (right > most) return 0;
  if (right <= least) return 1;
  const mode = Math.floor(((labels + 1) * (allRight + 1)) / (count + 2));
  const isUpper = right > mode;
  const first = isUpper ? right : right - 1;
  let term = Math.exp(logChoose(allRight, first) + logChoose(allWrong, labels - first) - logChoose(count, labels));
  let tail = 0;
  for (let x = first; isUpper ? x <= most : x >= least; x += isUpper ? 1 : -1) {
    tail += term;
    if (term <= negligible * tail) break;
    if (isUpper) term *= ((allRight - x) * (labels - x)) / ((x + 1) * (allWrong - labels + x + 1));
    else term *= (x * (allWrong - labels + x)) / ((allRight - x + 1) * (labels - x + 1));
  }
  return isUpper ? Math.min(1, tail) : Math.max(0, 1 - tail);
}

/** Share of a sum that does not change it. */
const negligible = 1e-18;

/** Least precision that the labels do not exclude. */
function lowerBound({ count, labels, right }: Step, risk: number): number {
  let [excluded, possible] = [right - 1, count - (labels - right)];
  while (possible - excluded > 1) {
    const middle = Math.floor((excluded + possible) / 2);
    if (atLeastProbability(right, labels, middle, count) > risk) possible = middle;
    else excluded = middle;
  }
  return possible / count;
}

function assertScores(scores: readonly (number | null)[]): void {
  assertUsable(Array.isArray(scores), "scores", scores, "a list of numbers, with null where there is no answer");
  const index = scores.findIndex((score) => score !== null && !Number.isFinite(score));
  assertUsable(index === -1, `scores[${index}]`, scores[index], "a finite number, or null where there is no answer");
}

function assertLabels(labels: readonly (boolean | null | undefined)[], count: number): void {
  assertUsable(Array.isArray(labels), "labels", labels, "a list of true, false and null, one beside each score");
  const message = `labels has ${labels.length} entries and scores has ${count}. Give one beside each score: null where there is no label.`;
  if (labels.length !== count)
    throw new InvalidOptionsError([{ path: "labels", given: labels.length, allowed: "", message }]);
  const index = labels.findIndex((label) => label !== null && label !== undefined && typeof label !== "boolean");
  assertUsable(index === -1, `labels[${index}]`, labels[index], "true, false, or null where there is no label");
}

function assertShare(name: string, share: number): void {
  assertUsable(typeof share === "number" && share > 0 && share < 1, name, share, "a number between 0 and 1");
}
