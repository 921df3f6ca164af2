import { join } from "node:path";
import {
  type CoefficientPrior,
  fitLogistic,
  logisticProbability,
} from "../../src/evidence/internal/logistic-regression.ts";
import { calibrationError, createJobCalibration, type JudgedConfidence } from "../../src/evidence.ts";
import { type Vote, votesOf } from "./calibration-measure.ts";
import { type CalibrationSet, readCalibrationSets } from "./calibration-sets.ts";
import { shuffled } from "./orders.ts";
import { mean, percent, points, renderTable, type Table } from "./table.ts";

// Prints how good the confidence is under several rules for when, and how far, labels correct it.

/** Confidence without labels of a bundle, and if its consensus is right. */
type Judged = JudgedConfidence & Pick<Vote, "sizes">;

/** Corrects a confidence as labels ask for. */
type Correction = (confidence: number) => number;
type Rule = (labelled: readonly Judged[]) => Correction;

const orders = 10;
/** Draws of labels for each order: which ten they are changes much. */
const draws = 5;
const folds = 5;
const priors: readonly CoefficientPrior[] = [
  { mean: 1, deviation: 0.3 },
  { mean: 0, deviation: 1 },
];

const rules: Readonly<Record<string, Rule>> = {
  "no labels": () => (confidence) => confidence,
  "always scaled": (labelled) => scaling(labelled),
  "scaled if no worse": (labelled) => gated(labelled, (gains) => mean(gains) >= 0),
  "scaled if one standard error better": (labelled) => gated(labelled, (gains) => mean(gains) >= errorOf(gains)),
  "weighed by likelihood (in use)": (labelled) => {
    const gain = heldOut(labelled, (p, isRight) => Math.log(isRight ? p : 1 - p)).reduce((sum, each) => sum + each, 0);
    const share = gain < 0 ? 0 : 1 / (1 + Math.exp(-gain));
    const scaled = scaling(labelled);
    return (confidence) => share * scaled(confidence) + (1 - share) * confidence;
  },
};

function scaling(labelled: readonly Judged[]): Correction {
  const rows = labelled.map(({ confidence }) => [logOdds(confidence), 1]);
  const coefficients = fitLogistic(
    rows,
    labelled.map(({ correct }) => correct),
    priors,
  );
  return (confidence) => logisticProbability(coefficients, [logOdds(confidence), 1]);
}

function gated(labelled: readonly Judged[], isUsed: (gains: readonly number[]) => boolean): Correction {
  const gains = heldOut(labelled, (p, isRight) => -((p - Number(isRight)) ** 2));
  return isUsed(gains) ? scaling(labelled) : (confidence) => confidence;
}

/** Returns by how much each label is scored better by a fit to the labels of the other folds than without labels. */
function heldOut(labelled: readonly Judged[], score: (confidence: number, isRight: boolean) => number): number[] {
  const sorted = labelled.toSorted((a, b) => a.confidence - b.confidence || Number(b.correct) - Number(a.correct));
  return Array.from({ length: folds }, (_, fold) => {
    const scaled = scaling(sorted.filter((_, at) => at % folds !== fold));
    const kept = sorted.filter((_, at) => at % folds === fold);
    return kept.map(({ confidence, correct }) => score(scaled(confidence), correct) - score(confidence, correct));
  }).flat();
}

function errorOf(gains: readonly number[]): number {
  const middle = mean(gains);
  return Math.sqrt(mean(gains.map((gain) => (gain - middle) ** 2)) / (gains.length - 1));
}

function logOdds(confidence: number): number {
  return Math.log(confidence / (1 - confidence));
}

const families = [...Map.groupBy(readCalibrationSets(join(import.meta.dirname, "..", "data")), ({ family }) => family)];

/** Bundles of a set by order of the samples, each with the confidence that their job gives without labels. */
function jobsOf(set: CalibrationSet, k: number): Judged[][] {
  return Array.from({ length: orders }, (_, order) => {
    const votes = votesOf(set, k, order, "auto");
    const job = createJobCalibration();
    for (const { sizes } of votes) job.observe(sizes);
    return votes.map(({ sizes, correct }) => ({ sizes, correct, confidence: job.confidence(sizes) as number }));
  });
}

/** Scores of the bundles without a label. */
function scoresBy(rule: Rule, jobs: readonly (readonly Judged[])[], labels: number): { ece: number; brier: number } {
  const judged = Array.from({ length: orders * draws }, (_, number) => {
    const job = jobs[number % orders] as readonly Judged[];
    const drawn = shuffled([...job.keys()], 7_000_003 + number);
    const correct = rule(drawn.slice(0, labels).map((at) => job[at] as Judged));
    return drawn.slice(labels).map((at) => {
      const bundle = job[at] as Judged;
      return { confidence: correct(bundle.confidence), correct: bundle.correct };
    });
  }).flat();
  return {
    ece: calibrationError(judged),
    brier: mean(judged.map(({ confidence, correct }) => (confidence - Number(correct)) ** 2)),
  };
}

function tableOf(k: number): Table {
  const jobs = families.map(([, sets]) =>
    sets.map((set) => jobsOf(set, k)).filter(([job]) => (job?.length ?? 0) >= 20),
  );
  const rows = [10, 30, 100].flatMap((labels) => {
    const usable = jobs
      .map((sets) => sets.filter(([job]) => labels * 2 <= (job?.length ?? 0)))
      .filter((sets) => sets.length > 0);
    const byRule = Object.entries(rules).map(([name, rule]) => {
      const scores = usable.map((sets) => sets.map((set) => scoresBy(rule, set, labels)));
      const meanBy = (score: "ece" | "brier") => scores.map((ofSets) => mean(ofSets.map((each) => each[score])));
      return { name, ece: meanBy("ece"), brier: meanBy("brier") };
    });
    const [without] = byRule;
    return byRule.map(({ name, ece, brier }) => [
      labels,
      usable.length,
      name,
      percent(mean(ece), 1),
      percent(mean(brier)),
      points(Math.max(...brier.map((each, at) => each - (without?.brier[at] as number)))),
    ]);
  });
  return {
    title: `How far labels correct the confidence, at most ${k} samples, default stopping`,
    note: "Means over families; last, the change in the family that the rule serves worst.",
    columns: ["labels", "families", "rule", "ECE", "Brier", "Brier, worst change"],
    rows,
  };
}

console.log([3, 5, 10].map((k) => renderTable(tableOf(k))).join("\n\n"));
