/**
 * Measures what a second model buys: bundles over one simulated model, and over two that take turns, at equal calls, for models whose
 * errors correlate by 0, .5 and 1.
 */
import { mean, percent, points, renderTable } from "../evidence/table.ts";
import { type EnsembleRow, measureEnsemble } from "./measure.ts";

const questions = 500;
const draws = 4;
const correlations = [0, 0.5, 1];

const measured: EnsembleRow[] = [];
for (const correlation of correlations)
  for (let draw = 0; draw < draws; draw++)
    measured.push(...(await measureEnsemble(correlation, questions, 1 + draw + 100 * correlation)));

const names = {
  errorsCorrelate: "errors correlate",
  calls: "calls",
  right: "right",
  confidence: "mean confidence",
  calibrationError: "calibration error",
  unanimous: "all agree",
  unanimousRight: "of these, right",
} as const;

const rows = correlations.flatMap((correlation) =>
  (["none", "auto"] as const).flatMap((stopping) =>
    [1, 2].map((models) => {
      const own = measured.filter(
        (row) => row.correlation === correlation && row.stopping === stopping && row.models === models,
      );
      const of = (name: keyof typeof names) => mean(own.map((row) => row[name]));
      const sure = of("confidence") - of("right");
      return [
        of("errorsCorrelate").toFixed(2),
        stopping === "none" ? "all 6" : "auto",
        models === 1 ? "one" : "two",
        of("calls").toFixed(2),
        percent(of("right"), 1),
        percent(of("confidence"), 1),
        points(sure, 1),
        percent(of("calibrationError"), 1),
        percent(of("unanimous"), 1),
        percent(of("unanimousRight"), 1),
      ];
    }),
  ),
);

console.log(
  renderTable({
    title: "What a second model buys at equal calls, in percent",
    note: `Simulated models that are right in about 65 % of single answers: ${draws} x ${questions} questions, K = 6, one model against two that take turns. Each model finds a question hard or easy for itself, and has a favourite wrong answer. Confidence without labels, learnt from the votes of the job at its end. *Too sure* is the mean confidence less the share that is right.`,
    columns: [
      "errors correlate",
      "asks",
      "models",
      "calls",
      "right",
      "mean confidence",
      "too sure",
      "calibration error",
      "all agree",
      "of these, right",
    ],
    rows,
  }),
);
