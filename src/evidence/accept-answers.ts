import { assertUsable, InvalidOptionsError } from "../core/errors.ts";
import { type AcceptanceScores, type AcceptanceSignals, scoreAcceptance } from "./acceptance-score.ts";
import { type Certificate, type CertifyOptions, certify } from "./certify.ts";

/**
 * Ways in which an answer was drawn for its label. `uniform`: each answer of the job not yet labelled was as likely.
 * `region`: the same within a region that was fixed before its labels were drawn. `stratified` and `least_sure`: by its score.
 */
export type LabelDraw = "uniform" | "region" | "stratified" | "least_sure";

/** A verdict on the answer of a bundle, and how the bundle was drawn. */
export interface DrawnLabel {
  /** Index of the bundle. */
  readonly bundle: number;
  readonly correct: boolean;
  readonly draw: LabelDraw;
  /**
   * Round in which it was drawn, from 0 where it is left out. A round ends where signals are bought that were chosen by what
   * labels say: the scores then depend on these labels, which from then on only fit.
   */
  readonly round?: number;
}

/** Precision to certify, and what labels may certify it. */
export interface AcceptOptions extends CertifyOptions {
  /** Indexes of the region that is certified, fixed before its labels (of draw `region`) were drawn. Default: the whole job. */
  readonly region?: ReadonlySet<number>;
  /** The round of the signals; labels of earlier rounds only fit. Default: 0. */
  readonly round?: number;
}

/**
 * Verdict on a bundle: `true` is accepted, `false` was judged wrong or has no answer, `"review"` is neither.
 */
export type Accepted = boolean | "review";

/** The accepted answers of a job, and what the acceptance rests on. */
export interface AcceptedAnswers {
  /** One a bundle. */
  readonly accepted: readonly Accepted[];
  /** Number of accepted answers, those judged right among them. */
  readonly acceptedCount: number;
  readonly score: AcceptanceScores;
  /** Certificate of the score; its counts are of the answers that no label of the fit is of. */
  readonly certificate: Certificate;
  /** Labels that certify, and labels that fit the score. */
  readonly certifyingLabels: number;
  readonly fittingLabels: number;
}

/**
 * Accepts the answers of a job that are right in a share of at least `precision`, from all their signals and some labels.
 *
 * Give labels in the order in which they were drawn: the draw of a label and its place decide what it does, and never what it
 * says. Uniform labels of the round certify (with `region`, its labels do), and fit nothing. Labels before the first of these fit the score, whatever their draw: begin
 * with unsure answers to teach it. A label of another draw after it settles its own answer, and so do all that follow: to
 * let them fit, begin a new round.
 *
 * Why a certificate is false with a probability of at most `1 - confidence`: let F be the bundles of labels that fit. All of them
 * are known when the draw of the certifying labels begins. Given F and its labels, the scores are fixed numbers, and the
 * certifying labels are a uniform draw without replacement from the bundles outside F (of the region). So `certify` on these
 * bundles keeps its promise given any F, and therefore on the whole. The uniform draw must be independent of F: where another
 * draw broke ties by chance, use another seed. Answers that a label calls right are accepted besides,
 * and those that a label calls wrong are not: both only raise the precision. Where labels are looked at more than once, `look`
 * divides the risk.
 *
 * Give an answer that a person could not judge as wrong. Left out, the promise is one on answers that can be judged.
 *
 * @throws InvalidOptionsError for signals, labels or options that cannot be used
 *
 * @example
 * ```ts
 * const bundles = [{ votes: 0.97, verifier: 1 }, { votes: 0.95 }, { votes: 0.4, verifier: 0 }];
 * const labels = [{ bundle: 0, correct: true, draw: "uniform" }] as const;
 * const { accepted } = acceptAnswers(bundles, labels, { precision: 0.95 });
 * accepted; // [true, "review", "review"]: one label certifies nothing, and the answer that it calls right is right
 * ```
 */
export function acceptAnswers(
  bundles: readonly AcceptanceSignals[],
  labels: readonly DrawnLabel[],
  options: AcceptOptions,
): AcceptedAnswers {
  const { region, round: _, ...certifyOptions } = options;
  assertDrawn(labels, bundles);
  const verdicts = new Map(labels.map(({ bundle, correct }) => [bundle, correct]));
  const roles = rolesOf(labels, options);
  const labelsOf = (role: Role) => bundles.map((_, index) => (roles.get(index) === role ? verdicts.get(index) : null));
  const [fitting, certifying] = [labelsOf("fits"), labelsOf("certifies")];
  const score = scoreAcceptance(bundles, fitting);
  const isTested = (index: number) => roles.get(index) !== "fits" && (region?.has(index) ?? true);
  const tested = score.scores.map((each, index) => (isTested(index) ? each : null));
  const certificate = certify(tested, certifying, certifyOptions);
  const { threshold } = certificate;
  const accepted = bundles.map(({ votes }, index): Accepted => {
    const label = verdicts.get(index);
    if (votes === null || label === false) return false;
    if (label === true) return true;
    const own = tested[index] ?? null;
    return own !== null && threshold !== null && own >= threshold ? true : "review";
  });
  return {
    accepted,
    acceptedCount: accepted.filter((each) => each === true).length,
    score,
    certificate,
    certifyingLabels: certifying.filter((label) => label !== null).length,
    fittingLabels: fitting.filter((label) => label !== null).length,
  };
}

/** Task of a label; `settles`: it decides on its own answer alone. */
type Role = "fits" | "certifies" | "settles";

/** Roles by bundle. A bundle keeps that of its first label. */
function rolesOf(labels: readonly DrawnLabel[], { region, round = 0 }: AcceptOptions): Map<number, Role> {
  const roles = new Map<number, Role>();
  let [hasBegun, isOver] = [false, false];
  for (const { bundle, draw, round: drawnIn = 0 } of labels) {
    if (roles.has(bundle)) continue;
    const isDrawn = region ? draw === "region" && region.has(bundle) : draw === "uniform";
    const isCertifying = isDrawn && drawnIn === round;
    if (isCertifying) hasBegun = true;
    else if (hasBegun) isOver = true;
    roles.set(bundle, isOver ? "settles" : isCertifying ? "certifies" : "fits");
  }
  return roles;
}

const draws: readonly string[] = ["uniform", "region", "stratified", "least_sure"] satisfies LabelDraw[];

function assertDrawn(labels: readonly DrawnLabel[], bundles: readonly AcceptanceSignals[]): void {
  assertUsable(Array.isArray(labels), "labels", labels, "a list of { bundle, correct, draw }");
  for (const [at, label] of labels.entries()) {
    const { bundle, correct, draw, round = 0 } = label ?? {};
    const path = `labels[${at}]`;
    const isIndex = Number.isInteger(bundle) && bundle >= 0;
    assertUsable(isIndex, `${path}.bundle`, bundle, "the index of a bundle");
    const message = `${path}.bundle is ${bundle}, and there are ${bundles.length} bundles. Give the index of one of them.`;
    if (bundle >= bundles.length) throw new InvalidOptionsError([{ path, given: bundle, allowed: "", message }]);
    assertUsable(typeof correct === "boolean", `${path}.correct`, correct, "true or false");
    assertUsable(draws.includes(draw), `${path}.draw`, draw, draws.join(", "));
    assertUsable(Number.isInteger(round) && round >= 0, `${path}.round`, round, "a whole number from 0");
  }
}
