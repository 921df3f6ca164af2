import { acceptAnswers, scoreAcceptance } from "../../src/evidence.ts";
import { shuffled } from "../evidence/orders.ts";
import { mean, percent, type Table } from "../evidence/table.ts";
import {
  drawnJob,
  type Job,
  type JudgedBundle,
  recordedSets,
  tokenJob,
  withSecondModel,
  withVerifier,
} from "./jobs.ts";

const bundleCount = 1_000;
export const labelCounts = [0, 30, 100, 300] as const;
export const precisions = [0.9, 0.95] as const;
/** Sets of one family tell the same: that many of them are enough. */
const mostSetsOfFamily = 4;

const kinds: readonly (readonly [name: string, add: (job: Job, seed: number) => Job])[] = [
  ["votes alone", (job) => job],
  ["and a simulated verifier, AUROC 70", (job, seed) => withVerifier(job, 0.7, seed)],
  ["and a simulated verifier, AUROC 80", (job, seed) => withVerifier(job, 0.8, seed)],
  ["and a simulated verifier, AUROC 90", (job, seed) => withVerifier(job, 0.9, seed)],
  ["and a simulated second model, errors correlate 0", (job, seed) => withSecondModel(job, 0, seed)],
  ["and a simulated second model, errors correlate .3", (job, seed) => withSecondModel(job, 0.3, seed)],
  ["and a simulated second model, errors correlate .7", (job, seed) => withSecondModel(job, 0.7, seed)],
];

/** Share of a job's unlabelled answers that are accepted, mean over families. */
export interface Coverage {
  readonly precision: number;
  readonly signals: string;
  /** Share for each number of labels, in the order of `labelCounts`. */
  readonly accepted: readonly number[];
  /** The best threshold of the same scores, chosen by all that is right. */
  readonly hindsight: number;
}

/** Accepts answers of jobs of 1,000 bundles, drawn from each recorded set. */
export function measureCoverage(draws: number): Coverage[] {
  const families = [...Map.groupBy(recordedSets(), ({ family }) => family).values()];
  const jobs = families.map((own) =>
    own
      .slice(0, mostSetsOfFamily)
      .flatMap((set) => Array.from({ length: draws }, (_, draw) => drawnJob(set, bundleCount, draw + 1))),
  );
  return precisions.flatMap((precision) =>
    kinds.map(([signals, add]): Coverage => {
      const rows = jobs.map((own) => {
        const each = own.map((job, at) => coverageOf(add(job, at + 501), precision, at));
        return [...labelCounts.keys(), labelCounts.length].map((column) =>
          mean(each.map((row) => row[column] as number)),
        );
      });
      const means = [...labelCounts.keys(), labelCounts.length].map((column) =>
        mean(rows.map((row) => row[column] as number)),
      );
      return { precision, signals, accepted: means.slice(0, -1), hindsight: means.at(-1) as number };
    }),
  );
}

export function coverageTable(all: readonly Coverage[], draws: number): Table {
  return {
    title: "Coverage: accepted share of the answers that have no label",
    note: `Percent, at a confidence of 90 %: mean over families, jobs of ${bundleCount.toLocaleString("en")} bundles drawn with replacement from recorded sets (at most ${mostSetsOfFamily} of a family, ${draws} jobs each), at most 5 samples, default stopping. All labels are uniform and certify. Verifier and second model are simulated: see bench/right/jobs.ts. In hindsight: the lowest threshold of the same scores that has the precision, where all verdicts are known.`,
    columns: ["precision", "signals", ...labelCounts.map((count) => `${count} labels`), "in hindsight"],
    rows: all.map(({ precision, signals, accepted, hindsight }) => [
      `${percent(precision, 0)} %`,
      signals,
      ...[...accepted, hindsight].map((share) => percent(share, 1)),
    ]),
  };
}

function coverageOf({ bundles }: Job, precision: number, seed: number): number[] {
  const order = shuffled([...bundles.keys()], seed + 11);
  const signals = bundles.map((bundle) => bundle.signals);
  const accepted = labelCounts.map((count) => {
    const labelled = order.slice(0, count);
    const labels = labelled.map((bundle) => ({ bundle, correct: isRight(bundles, bundle), draw: "uniform" }) as const);
    const result = acceptAnswers(signals, labels, { precision });
    const own = result.acceptedCount - labels.filter(({ correct }) => correct).length;
    return own / (bundles.length - count);
  });
  return [...accepted, hindsightOf(bundles, precision)];
}

/** Share of the answers down to the lowest threshold that has the precision. */
function hindsightOf(bundles: readonly JudgedBundle[], precision: number): number {
  const { scores } = scoreAcceptance(bundles.map(({ signals }) => signals));
  const sorted = [...scores.keys()].sort((a, b) => (scores[b] ?? -1) - (scores[a] ?? -1));
  let [right, most] = [0, 0];
  for (const [at, bundle] of sorted.entries()) {
    if (isRight(bundles, bundle)) right++;
    const isLast = scores[sorted[at + 1] ?? -1] !== scores[bundle];
    if (isLast && right >= precision * (at + 1) - 1e-9) most = at + 1;
  }
  return most / bundles.length;
}

function isRight(bundles: readonly JudgedBundle[], at: number): boolean {
  return (bundles[at] as JudgedBundle).correct;
}

/** Real confidences of tokens, on too few problems to draw labels from: what they could give in hindsight. */
export function tokenTable(orders: number): Table {
  const rows = [1, 3, 5].map((count) => {
    const jobs = Array.from({ length: orders }, (_, order) => tokenJob(count, order));
    const without = jobs.map((job) =>
      job.bundles.map(({ signals: { votes }, correct }) => ({ signals: { votes }, correct })),
    );
    const each = (bundles: readonly (readonly JudgedBundle[])[]) =>
      precisions.map((precision) => percent(mean(bundles.map((own) => hindsightOf(own, precision))), 1));
    const accuracy = mean(jobs.map(({ bundles }) => mean(bundles.map(({ correct }) => Number(correct)))));
    const [votes, both] = [each(without), each(jobs.map(({ bundles }) => bundles))] as [string[], string[]];
    return [count, percent(accuracy, 1), ...precisions.flatMap((_, at) => [votes[at] as string, both[at] as string])];
  });
  return {
    title: "Token confidence of recorded answers, in hindsight",
    note: `Percent of the answers to 29 competition problems (deepconf) that the best threshold accepts, mean over ${orders} orders of the samples: the votes alone, and with the recorded confidence of the consensus' tokens at its fixed weight. 29 problems are too few to draw labels from: this is a direction and no proof.`,
    columns: ["samples", "right", "votes, 90 %", "with tokens, 90 %", "votes, 95 %", "with tokens, 95 %"],
    rows,
  };
}
