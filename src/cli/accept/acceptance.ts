import { type AcceptableAnswer, acceptanceSignalsOf } from "../../calibration/job-acceptance.ts";
import { fingerprint } from "../../core/canonical.ts";
import { type Accepted, type AcceptedAnswers, acceptAnswers, type DrawnLabel } from "../../evidence/accept-answers.ts";
import type { AcceptanceSignals } from "../../evidence/acceptance-score.ts";
import { type Certificate, labelsNeeded } from "../../evidence/certify.ts";
import type { Answer } from "../label/answers.ts";
import { verdictOnAll } from "../label/effect.ts";
import type { LabelLine } from "../label/labels-file.ts";

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
  /** Right labels without a wrong one that the next look takes. */
  readonly needed: number;
  /** Further labels of a uniform draw, and about how many more answers they would accept: if they say what their neighbours said. */
  readonly moreLabels: { readonly count: number; readonly more: number } | undefined;
  readonly looks: readonly Look[];
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
  evidence: readonly AcceptableAnswer[],
  labels: ReadonlyMap<string, LabelLine>,
  asked: AskedPrecision,
  earlier: readonly Look[],
): Acceptance {
  const bundles = acceptanceSignalsOf(evidence);
  const { drawn, copies, skipped, outgrown } = drawnLabels(answers, labels);
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
  const hasCertificate = (isTaken || stands) && threshold !== null;

  const verdicts = new Map([...drawn.map(({ bundle, correct }) => [bundle, correct] as const), ...copies]);
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
    labels: { ...countLabels(drawn, skipped), certifying: now.certifyingLabels },
    outgrown,
    needed,
    moreLabels: projected(bundles, drawn, asked, shown, isTaken ? look + 1 : look),
    looks: isTaken ? [...earlier, { labels: drawn.length, key: keyOf(drawn.length) }] : earlier,
  };
}

function riskOf({ confidence }: AskedPrecision, look: number): number {
  return (1 - confidence) / 2 ** look;
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

/**
 * The labels in the order in which they were first given. A skipped answer of a uniform draw counts as wrong: the draw would
 * else be one of the answers that are easy to judge. A label settles the same answer to the same input on other lines, too.
 */
function drawnLabels(answers: readonly Answer[], labels: ReadonlyMap<string, LabelLine>) {
  const places = Map.groupBy(answers.keys(), (at) => (answers[at] as Answer).fingerprint);
  const drawn: DrawnLabel[] = [];
  const copies: [bundle: number, correct: boolean][] = [];
  const skipped = new Set<number>();
  let outgrown = 0;
  for (const { fingerprint, content, label, draw, of } of labels.values()) {
    const isJudged = (at: number) => content === undefined || (answers[at] as Answer).content === content;
    const [bundle, ...others] = (places.get(fingerprint) ?? []).filter(isJudged);
    if (bundle === undefined) continue;
    const isOfAll = draw === "uniform" && of === answers.length;
    if (draw === "uniform" && !isOfAll) outgrown++;
    const { fields } = (answers[bundle] as Answer).votes;
    const verdict = label === null ? undefined : verdictOnAll(fields, label);
    if (verdict === undefined) skipped.add(bundle);
    else copies.push(...others.map((at): [number, boolean] => [at, verdict]));
    if (verdict !== undefined || isOfAll)
      drawn.push({ bundle, correct: verdict ?? false, draw: isOfAll ? "uniform" : "stratified" });
  }
  return { drawn, copies, skipped, outgrown };
}

function countLabels(drawn: readonly DrawnLabel[], skipped: ReadonlySet<number>): Omit<LabelCounts, "certifying"> {
  const judged = drawn.filter(({ bundle }) => !skipped.has(bundle));
  const right = judged.filter(({ correct }) => correct).length;
  return { right, wrong: judged.length - right, skipped: skipped.size };
}
