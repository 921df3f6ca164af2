import {
  type AcceptedAnswers,
  acceptAnswers,
  type DrawnLabel,
  guessThreshold,
  type LabelDraw,
  rankPurchases,
} from "../../src/evidence.ts";
import { shuffled } from "../evidence/orders.ts";
import { percent, type Table } from "../evidence/table.ts";
import { type Job, type JudgedBundle, withVerifier } from "./jobs.ts";

/** Certificates of one job under one way to get labels and signals. */
export interface Validity {
  readonly way: string;
  readonly job: string;
  readonly precision: number;
  readonly draws: number;
  /** Draws with a certificate at any look, and those of them with a false one. */
  readonly certified: number;
  readonly falsified: number;
}

const confidence = 0.9;
const mostLabels = 100;
/** Labels that move the weights of a score. */
const fewestFitting = 20;

/** Bundles, labels in the order of a draw, and the precision that is asked for. */
interface Draw {
  readonly job: Job;
  readonly order: readonly number[];
  readonly count: number;
  readonly precision: number;
  readonly seed: number;
}

/** Results of the looks of one draw, each with the bundles and labels that it was given. */
type Way = (draw: Draw) => { result: AcceptedAnswers; bundles: readonly JudgedBundle[]; labels: DrawnLabel[] }[];

const ways: readonly (readonly [name: string, way: Way])[] = [
  [
    "votes, one look",
    ({ job: { bundles }, order, count, precision }) => [
      look(bundles, uniform(bundles, order.slice(0, count)), { precision }),
    ],
  ],
  ["votes, two looks as labels grow", twoLooks],
  ["fitted to the least sure first", fitted],
  ["signals bought between two looks", bought],
  // Not offered: labels that certify after they chose what was bought. It shows why.
  ["the same, its labels used again", boughtCarelessly],
];
export const wayNames = ways.map(([name]) => name);

/**
 * Draws labels of each recorded set many times, and counts certificates that are false: of the answers they accept, fewer are
 * right than they promise. Asked for are 90 %, and what is hardest: just more than is right of the surest third.
 */
export function measureValidity(way: string, draws: number, jobs: readonly Job[]): Validity[] {
  const run = new Map(ways).get(way) as Way;
  return jobs.flatMap((job, at) =>
    [0.9, hardest(job)].map((precision): Validity => {
      let [certified, falsified] = [0, 0];
      for (let draw = 0; draw < draws; draw++) {
        const seed = at * 1_000_003 + draw;
        const order = shuffled([...job.bundles.keys()], seed);
        const count = Math.min(mostLabels, Math.floor(job.bundles.length / 2));
        const looks = run({ job, order, count, precision, seed });
        if (looks.some(({ result }) => result.certificate.threshold !== null)) certified++;
        if (looks.some((each) => isFalse(each, precision))) falsified++;
      }
      return { way, job: `${job.family}: ${job.name}`, precision, draws, certified, falsified };
    }),
  );
}

export function validityTable(all: readonly Validity[]): Table {
  const byWay = [...Map.groupBy(all, ({ way }) => way)];
  return {
    title: "False certificates",
    note: `Share of draws with a false certificate; at most ${percent(1 - confidence, 0)} % is promised. ${all[0]?.draws.toLocaleString("en")} draws of labels for each recorded set and precision (90 %, and just more than the surest third has), up to ${mostLabels} labels and never more than half of the job. A certificate counts as false where fewer of the answers that it accepts are right than it says. The last row is not offered: it shows what rounds are for.`,
    columns: ["labels and signals", "jobs", "draws with a certificate", "false, mean", "false, worst", "worst job"],
    rows: byWay.map(([way, own]) => {
      const shares = own.map(({ falsified, draws }) => falsified / draws);
      const worst = own[shares.indexOf(Math.max(...shares))] as Validity;
      const certified =
        own.reduce((sum, each) => sum + each.certified, 0) / own.reduce((sum, each) => sum + each.draws, 0);
      return [
        way,
        own.length,
        `${percent(certified, 0)} %`,
        `${percent(shares.reduce((sum, each) => sum + each, 0) / shares.length, 1)} %`,
        `${percent(Math.max(...shares), 1)} %`,
        `${worst.job}, ${percent(worst.precision, 1)} %`,
      ];
    }),
  };
}

/** A precision that the first set which is tested just misses. */
function hardest({ bundles }: Job): number {
  const sorted = bundles.toSorted((a, b) => (b.signals.votes ?? 0) - (a.signals.votes ?? 0));
  let right = 0;
  for (const [at, { correct, signals }] of sorted.entries()) {
    if (correct) right++;
    const isLast = sorted[at + 1]?.signals.votes !== signals.votes;
    if (isLast && at + 1 >= sorted.length / 3) return Math.min(0.97, Math.max(0.5, (right + 0.5) / (at + 1)));
  }
  return 0.9;
}

function isFalse({ result, bundles, labels }: ReturnType<Way>[number], precision: number): boolean {
  const { certificate, score, fittingLabels } = result;
  const { threshold } = certificate;
  if (threshold === null) return false;
  const fit = new Set(labels.slice(0, fittingLabels).map(({ bundle }) => bundle));
  const accepted = bundles.filter((_, at) => !fit.has(at) && (score.scores[at] ?? -1) >= threshold);
  if (accepted.length !== certificate.acceptedCount) throw new Error("The certificate counts other answers.");
  return accepted.filter(({ correct }) => correct).length / accepted.length < precision;
}

function look(
  bundles: readonly JudgedBundle[],
  labels: DrawnLabel[],
  options: { precision: number; look?: number; round?: number },
): ReturnType<Way>[number] {
  const signals = bundles.map((bundle) => bundle.signals);
  return { bundles, labels, result: acceptAnswers(signals, labels, { ...options, confidence }) };
}

function drawnLabels(
  bundles: readonly JudgedBundle[],
  drawn: readonly number[],
  draw: LabelDraw,
  round = 0,
): DrawnLabel[] {
  return drawn.map((bundle) => ({ bundle, correct: (bundles[bundle] as JudgedBundle).correct, draw, round }));
}

function uniform(bundles: readonly JudgedBundle[], drawn: readonly number[], round = 0): DrawnLabel[] {
  return drawnLabels(bundles, drawn, "uniform", round);
}

function twoLooks({ job: { bundles }, order, count, precision }: Draw): ReturnType<Way> {
  return [1, 2].map((number) => {
    const labels = uniform(bundles, order.slice(0, Math.floor((count * number) / 2)));
    return look(bundles, labels, { precision, look: number });
  });
}

/** A third of the labels goes to the least sure, and fits the score of votes and a simulated verifier. */
function fitted({ job, order, count, precision, seed }: Draw): ReturnType<Way> {
  const { bundles } = withVerifier(job, 0.8, seed);
  // Ties are broken by a draw of their own: had the uniform draw's first come here, those it has left would come late in it.
  const leastSure = shuffled(order, seed + 500_009)
    .sort((a, b) => votesAt(bundles, a) - votesAt(bundles, b))
    .slice(0, Math.max(fewestFitting, Math.floor(count / 3)));
  const rest = order.filter((at) => !leastSure.includes(at)).slice(0, count - leastSure.length);
  return [look(bundles, [...drawnLabels(bundles, leastSure, "least_sure"), ...uniform(bundles, rest)], { precision })];
}

/** After a first look a simulated verifier is asked where it pays, and labels of a second round certify anew. */
function bought(draw: Draw): ReturnType<Way> {
  const { job, order, count, precision } = draw;
  const half = Math.floor(count / 2);
  const labels = uniform(job.bundles, order.slice(0, half));
  const first = look(job.bundles, labels, { precision, look: 1 });
  const after = buy(draw, first.result);
  const more = uniform(after, order.slice(half, count), 1);
  return [first, look(after, [...labels, ...more], { precision, look: 2, round: 1 })];
}

function boughtCarelessly(draw: Draw): ReturnType<Way> {
  const { job, order, count, precision } = draw;
  const labels = uniform(job.bundles, order.slice(0, count));
  const first = look(job.bundles, labels, { precision });
  // Signals are bought for what labels call wrong, and the same labels certify what they chose.
  const { bundles } = withVerifier(job, 0.8, draw.seed);
  const wrong = new Set(labels.filter(({ correct }) => !correct).map(({ bundle }) => bundle));
  const after = job.bundles.map((bundle, at) => (wrong.has(at) ? (bundles[at] as JudgedBundle) : bundle));
  return [first, look(after, labels, { precision })];
}

function buy({ job, precision, seed }: Draw, { certificate, score, accepted }: AcceptedAnswers): JudgedBundle[] {
  const { bundles } = withVerifier(job, 0.8, seed);
  const prices = { verifier: 0.002 };
  const candidates = score.scores.map((each, at) => ({ score: accepted[at] === false ? null : each, prices }));
  const threshold = certificate.threshold ?? guessThreshold(score.scores, precision);
  const purchases = rankPurchases(candidates, { threshold, weights: score.weights });
  const chosen = new Set(purchases.map(({ bundle }) => bundle));
  return job.bundles.map((bundle, at) => (chosen.has(at) ? (bundles[at] as JudgedBundle) : bundle));
}

function votesAt(bundles: readonly JudgedBundle[], at: number): number {
  return bundles[at]?.signals.votes ?? 0;
}
