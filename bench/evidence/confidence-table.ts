import { type BundleSummary, fitCalibration, type JudgedConfidence } from "../../src/evidence.ts";
import { type Case, casesOf } from "./cases.ts";
import type { DataSet } from "./data-set.ts";
import { meanScores, scoresOf } from "./metrics.ts";
import { shuffled } from "./orders.ts";
import { percent, type Table } from "./table.ts";

/** Cases by order of the samples and by question. */
type Orders = readonly (readonly Case[][])[];

/** Says how confident to be of each consensus; several times, where that depends on which labels it was shown. */
type Method = (cases: Orders) => JudgedConfidence[][];

/** How far each confidence can be trusted. Labels are of other questions than those that a calibration is judged by. */
export function confidenceTable(set: DataSet, k: number, orders: number): Table {
  const shown = Array.from({ length: orders }, (_, order) => casesOf(set, k, order));
  const all = shown.flat(2);
  const right = all.filter(({ correct }) => correct).length / all.length;
  return {
    title: `${set.name}: confidence, ${k} samples`,
    note:
      `${percent(right)} % right; ${set.questions.length} questions, ${orders} orders` +
      `${set.kind === "objects" ? ", by field" : ""}. ECE in ten bins; AURC: mean error over all coverages.`,
    columns: ["confidence", "AUROC", "ECE", "Brier", "AURC", "right at 80 %", "right at 50 %"],
    rows: methodsFor(set).map(([name, method]) => {
      const { auroc, ece, brier, aurc, rightAtFourFifths, rightAtHalf } = meanScores(method(shown).map(scoresOf));
      return [name, ...[auroc, ece, brier, aurc, rightAtFourFifths, rightAtHalf].map((each) => percent(each))];
    }),
  };
}

function methodsFor(set: DataSet): [string, Method][] {
  const plain: [string, Method][] = [
    ["ours, without labels", judgeAll(({ summary }) => summary.confidence)],
    ["majority share", judgeAll(({ majorityShare }) => majorityShare)],
    ["Adaptive-Consistency posterior", judgeAll(({ leadPosterior }) => leadPosterior)],
  ];
  const hasTokens = set.questions.some(({ samples }) => samples.some(({ tokens }) => tokens !== undefined));
  const counts = [30, 100].filter((labels) => labels * 2 <= set.questions.length);
  const calibrated = counts.flatMap((labels): [string, Method][] => [
    [`ours, ${labels} labels`, calibrate(labels, ({ meanTotalTokens: _, ...summary }) => summary)],
    ...(hasTokens
      ? ([[`ours, ${labels} labels and tokens`, calibrate(labels, (summary) => summary)]] as [string, Method][])
      : []),
  ]);
  return [...plain, ...calibrated];
}

function judgeAll(confidenceOf: (each: Case) => number): Method {
  return (cases) => [cases.flat(2).map((each) => ({ confidence: confidenceOf(each), correct: each.correct }))];
}

/** Learns from the labels of some questions in one order, and is judged by the others in all orders; again for each order. */
function calibrate(labels: number, seen: (summary: BundleSummary) => BundleSummary): Method {
  return (cases) =>
    cases.map((byQuestion, order) => {
      const questions = shuffled([...byQuestion.keys()], 3_000_017 + order);
      const labelled: Case[] = [];
      while (labelled.length < labels) labelled.push(...(byQuestion[questions.pop() as number] as Case[]));
      const examples = labelled.slice(0, labels).map(({ summary, correct }) => ({ summary: seen(summary), correct }));
      const calibration = fitCalibration(examples);
      const heldOut = cases.flatMap((others) => questions.flatMap((question) => others[question] as Case[]));
      return heldOut.map(({ summary, correct }) => ({ confidence: calibration.confidence(seen(summary)), correct }));
    });
}
