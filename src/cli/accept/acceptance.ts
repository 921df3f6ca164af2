import { fingerprint } from "../../core/canonical.ts";
import { type Accepted, type AcceptedAnswers, acceptAnswers, type DrawnLabel } from "../../evidence/accept-answers.ts";
import type { AcceptanceSignals } from "../../evidence/acceptance-score.ts";
import { type Certificate, labelsNeeded } from "../../evidence/certify.ts";
import { watchPrecision } from "../../evidence/watch-precision.ts";
import { type Answer, drawn as drawnFrom } from "../label/answer.ts";
import { verdictOnAll } from "../label/effect.ts";
import { type LabelLine, labelOf } from "../label/labels.ts";

/** Precision that the accepted answers are to have, and how sure that is to be. */
export interface AskedPrecision {
  readonly precision: number;
  readonly confidence: number;
}

/** A time at which the labels were held against the wanted precision. Each one has a share of the risk. */
export interface Look {
  /** Labels that there were, skipped ones included. */
  readonly labels: number;
  /** Fingerprint of what was looked at. */
  readonly key: string;
}

/** The accepted answers of a job, and the way to more of them. */
export interface Acceptance extends AskedPrecision {
  /** One an answer. */
  readonly accepted: readonly Accepted[];
  /** One an answer: higher is surer. */
  readonly scores: readonly (number | null)[];
  readonly weights: AcceptedAnswers["score"]["weights"];
  /** Absent where nothing is certified. */
  readonly certificate: Certificate | undefined;
  readonly labels: LabelCounts;
  /** Uniform labels that were drawn from fewer answers than the job has now: they certify nothing. */
  readonly outgrown: number;
  /** Labels that name a uniform draw and are not the next ones of it: they certify nothing. */
  readonly astray: number;
  /** Labels of answers that the job does not have. */
  readonly foreign: number;
  /** Labels since the last look that took its certificate back. */
  readonly withdrawn: JudgedAccepted | undefined;
  /** Judged accepted answers of the last lines, where these are right less often than the certificate says of all. */
  readonly fall: (JudgedAccepted & { readonly line: number }) | undefined;
  /** Right labels without a wrong one that the next look takes. */
  readonly needed: number;
  /** Further labels of a uniform draw, and about how many more answers they would accept: if they say what their neighbours said. */
  readonly moreLabels: { readonly count: number; readonly more: number } | undefined;
  readonly looks: readonly Look[];
  /** The labels were held against this precision. */
  readonly hasLooked: boolean;
}

/** Labels of accepted answers. */
export interface JudgedAccepted {
  readonly labels: number;
  readonly wrong: number;
}

export interface LabelCounts {
  readonly right: number;
  readonly wrong: number;
  /** Skipped, or judged in part. Where they were drawn to certify they count as wrong there. */
  readonly skipped: number;
  /** Those that certify; the others fit the score, or settle their own answer alone. */
  readonly certifying: number;
}

/** A new look is taken once there are so many times the labels of the last one: each look costs a share of the risk. */
const growth = 1.2;

/**
 * Holds the labels of a job against the wanted precision. A look is taken only where the number of labels allows it, never by
 * what they say; between looks the last one stands, and a label settles its own answer.
 */
export function acceptJob(
  answers: readonly Answer[],
  bundles: readonly AcceptanceSignals[],
  labels: ReadonlyMap<string, LabelLine>,
  asked: AskedPrecision,
  earlier: readonly Look[],
): Acceptance {
  const { drawn, others, skipped, counts, outgrown, astray, foreign } = drawnLabels(answers, labels);
  const keyOf = (count: number) => fingerprint({ ...asked, bundles, labels: drawn.slice(0, count) });
  const decide = (count: number, look: number) => acceptAnswers(bundles, drawn.slice(0, count), { ...asked, look });

  const last = earlier.at(-1);
  const stands = last !== undefined && last.labels <= drawn.length && keyOf(last.labels) === last.key;
  const look = earlier.length + 1;
  const needed = Math.min(labelsNeeded(asked.precision, 1 - riskOf(asked, look)), answers.length);
  const now = decide(drawn.length, look);
  const isDue = !stands || drawn.length >= growth * last.labels;
  const isTaken = isDue && now.certifyingLabels >= needed;
  const shown = isTaken || !stands ? now : decide(last.labels, look - 1);
  const { threshold } = shown.certificate;
  const isFound = (isTaken || stands) && threshold !== null;
  const isSet = ({ bundle }: DrawnLabel) =>
    (shown.score.scores[bundle] ?? -1) >= (threshold ?? Number.POSITIVE_INFINITY);
  const later = isFound && !isTaken ? drawn.slice(last?.labels).filter(isSet) : [];
  const withdrawn = isContradicted(later, asked) ? tallyOf(later) : undefined;
  const hasCertificate = isFound && !withdrawn;
  const certifying = drawn.filter((label) => label.draw === "uniform" && isSet(label));

  const verdicts = new Map([...drawn.map(({ bundle, correct }) => [bundle, correct] as const), ...others]);
  const accepted = shown.accepted.map((each, at): Accepted => {
    if (skipped.has(at)) return "review";
    return verdicts.get(at) ?? (hasCertificate || each === false ? each : "review");
  });
  return {
    ...asked,
    accepted,
    scores: shown.score.scores,
    weights: shown.score.weights,
    certificate: hasCertificate ? shown.certificate : undefined,
    labels: { ...counts, certifying: now.certifyingLabels },
    hasLooked: isTaken || stands,
    outgrown,
    astray,
    foreign,
    withdrawn,
    fall: hasCertificate ? fallIn(answers, certifying, asked) : undefined,
    needed,
    moreLabels: projected(bundles, drawn, asked, shown, isTaken ? look + 1 : look),
    looks: isTaken ? [...earlier, { labels: drawn.length, key: keyOf(drawn.length) }] : earlier,
  };
}

/**
 * Returns the looks of a job, those included that a person has had in the viewer, which marks them on its labels: to see what
 * labels certify is a look, and each look costs a share of the risk.
 */
export function looksOf(
  answers: readonly Answer[],
  bundles: readonly AcceptanceSignals[],
  labels: ReadonlyMap<string, LabelLine>,
  asked: AskedPrecision,
  earlier: readonly Look[],
): readonly Look[] {
  const given = [...labels];
  return given.reduce<readonly Look[]>((looks, [, { look }], at) => {
    if (!look) return looks;
    const then = new Map(given.slice(0, at + 1));
    const isOld = drawnLabels(answers, then).drawn.length <= (looks.at(-1)?.labels ?? 0);
    return isOld ? looks : acceptJob(answers, bundles, then, asked, looks).looks;
  }, earlier);
}

function riskOf({ confidence }: AskedPrecision, look: number): number {
  return (1 - confidence) / 2 ** look;
}

function isContradicted(labels: readonly DrawnLabel[], { precision, confidence }: AskedPrecision): boolean {
  const verdicts = labels.map(({ correct }) => correct);
  return watchPrecision(verdicts, { precision, confidence }).verdict === "contradicted";
}

function tallyOf(labels: readonly DrawnLabel[]): JudgedAccepted {
  return { labels: labels.length, wrong: labels.filter(({ correct }) => !correct).length };
}

/** Finds where the accepted answers of a job begin to be worse, by the labels in the order of the lines. */
function fallIn(answers: readonly Answer[], labels: readonly DrawnLabel[], asked: AskedPrecision): Acceptance["fall"] {
  const inOrder = labels.toSorted((a, b) => a.bundle - b.bundle);
  if (!isContradicted(inOrder, asked)) return undefined;
  // The last lines that speak against the precision the most: the largest likelihood ratio of their own share of right ones.
  let [worst, most] = [0, 0];
  for (const start of inOrder.keys()) {
    const { labels: count, wrong } = tallyOf(inOrder.slice(start));
    const ratio = logRatio(wrong, count * (1 - asked.precision)) + logRatio(count - wrong, count * asked.precision);
    if (wrong > count * (1 - asked.precision) && ratio > most) [worst, most] = [start, ratio];
  }
  const last = inOrder.slice(worst);
  return { ...tallyOf(last), line: (answers[(last[0] as DrawnLabel).bundle] as Answer).line };
}

function logRatio(seen: number, expected: number): number {
  return seen === 0 ? 0 : seen * Math.log(seen / expected);
}

/** Labels of one more sitting. */
const sitting = 20;

/**
 * Projects what one more sitting would accept: its labels are spread over the answers that have none, and say of each what the
 * labelled answer with the nearest score said.
 */
function projected(
  bundles: readonly AcceptanceSignals[],
  drawn: readonly DrawnLabel[],
  asked: AskedPrecision,
  { score: { scores }, acceptedCount }: AcceptedAnswers,
  look: number,
): Acceptance["moreLabels"] {
  const known = new Map(drawn.map(({ bundle, correct }) => [bundle, correct]));
  const judged = drawn
    .map(({ bundle, correct }) => ({ score: scores[bundle] as number, correct }))
    .toSorted((a, b) => a.score - b.score);
  const open = scores.flatMap((score, bundle) => (score === null || known.has(bundle) ? [] : [{ score, bundle }]));
  if (judged.length === 0 || open.length === 0) return undefined;
  const count = Math.min(sitting, open.length);
  open.sort((a, b) => a.score - b.score);
  const further = Array.from({ length: count }, (_, at): DrawnLabel => {
    const { bundle, score } = open[Math.floor(((at + 0.5) / count) * open.length)] as (typeof open)[number];
    const nearest = judged.reduce((best, each) =>
      Math.abs(each.score - score) < Math.abs(best.score - score) ? each : best,
    );
    return { bundle, correct: nearest.correct, draw: "uniform" };
  });
  const labels = [...drawn, ...further];
  if (labels.length < labelsNeeded(asked.precision, 1 - riskOf(asked, look))) return undefined;
  const { acceptedCount: then } = acceptAnswers(bundles, labels, { ...asked, look });
  return then > acceptedCount ? { count, more: then - acceptedCount } : undefined;
}

/** Labels of a job by what they may do, each as the answers that it is of. */
interface DrawnLabels {
  /** Those that fit the score, then those that certify, in the order of their draw: further labels only add to it. */
  readonly drawn: readonly DrawnLabel[];
  /** Verdicts that settle their own answer alone. */
  readonly others: ReadonlyMap<number, boolean>;
  /** Answers that were skipped, or judged in part. */
  readonly skipped: ReadonlySet<number>;
  readonly counts: Omit<LabelCounts, "certifying">;
  readonly outgrown: number;
  readonly astray: number;
  readonly foreign: number;
}

/**
 * Sorts the labels of a job. A label certifies where the draw that it names shows its answer next: that is computed again, so
 * that no label is taken at its word, and a label that is missing ends the draw. A skipped answer of the draw counts as wrong:
 * the draw would else be one of the answers that are easy to judge. A label counts for the same answer to the same input on
 * other lines, too.
 */
function drawnLabels(answers: readonly Answer[], labels: ReadonlyMap<string, LabelLine>): DrawnLabels {
  const lineOf = answers.map((answer) => labelOf(labels, answer));
  const places = Map.groupBy(answers.keys(), (at) => lineOf[at]);
  const given = [...labels.values()].filter((line) => places.has(line));
  const verdictOf = ({ label }: LabelLine, at: number) =>
    label === null ? undefined : verdictOnAll((answers[at] as Answer).votes.fields, label);
  const isOfAll = ({ draw, of }: LabelLine) => draw === "uniform" && of === answers.length;

  const start = given.findIndex(isOfAll);
  const begin = start === -1 ? given.length : start;
  const seed = given[begin]?.seed ?? 0;
  const end = given.findIndex((line, at) => at > begin && !(isOfAll(line) && line.seed === seed));
  const before = new Set(given.slice(0, begin));
  const sitting = new Set(given.slice(begin, end === -1 ? undefined : end));

  const fitting = [...before].flatMap((line) =>
    (places.get(line) ?? []).flatMap((bundle): DrawnLabel[] => {
      const correct = verdictOf(line, bundle);
      return correct === undefined ? [] : [{ bundle, correct, draw: "stratified" }];
    }),
  );
  const certifying: DrawnLabel[] = [];
  const certified = new Set<LabelLine>();
  const placeOf = new Map(answers.map((answer, at) => [answer, at]));
  for (const answer of drawnFrom(answers, "uniform", seed)) {
    const bundle = placeOf.get(answer) as number;
    const line = lineOf[bundle];
    if (line && before.has(line)) continue;
    if (!line || !sitting.has(line)) break;
    certifying.push({ bundle, correct: verdictOf(line, bundle) ?? false, draw: "uniform" });
    certified.add(line);
  }

  const drawn = [...fitting, ...certifying];
  const isDrawn = new Set(drawn.map(({ bundle }) => bundle));
  const others = new Map<number, boolean>();
  const skipped = new Set<number>();
  for (const [at, line] of lineOf.entries()) {
    if (!line) continue;
    const verdict = verdictOf(line, at);
    if (verdict === undefined) skipped.add(at);
    else if (!isDrawn.has(at)) others.set(at, verdict);
  }
  const verdicts = given.map((line) => verdictOf(line, (places.get(line) as number[])[0] as number));
  const count = (verdict: boolean | undefined) => verdicts.filter((each) => each === verdict).length;
  const uniform = given.filter(({ draw }) => draw === "uniform");
  return {
    drawn,
    others,
    skipped,
    counts: { right: count(true), wrong: count(false), skipped: count(undefined) },
    outgrown: uniform.filter((line) => !isOfAll(line)).length,
    astray: uniform.filter((line) => isOfAll(line) && !certified.has(line)).length,
    foreign: labels.size - given.length,
  };
}
