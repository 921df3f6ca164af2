import { counted, showOnLine, showUsd, toColumns } from "../progress/format.ts";
import type { Terminal } from "../progress/terminal.ts";
import type { Measured } from "./measures.ts";
import { type EvaluatedRow, priceOf } from "./rows.ts";

/** Accuracy that was asked for, and the cheapest row that reaches it. */
export interface Gate {
  readonly minAccuracy: number;
  readonly cheapest: EvaluatedRow | undefined;
}

/** The rows as a table, and what they say in words. */
export function showEvaluation(rows: readonly EvaluatedRow[], gate: Gate | undefined, { colors }: Terminal): string {
  const head = ["", ...(isOfSeveral(rows, "tool") ? ["tool"] : []), ...(isOfSeveral(rows, "model") ? ["model"] : [])];
  const lines = toColumns([
    [...head, ...figureNames].map((name) => name),
    ...rows.map((row) => [
      row.isBest ? "*" : "",
      ...(isOfSeveral(rows, "tool") ? [showOnLine(row.tool)] : []),
      ...(isOfSeveral(rows, "model") ? [showOnLine(row.model)] : []),
      ...figuresOf(row),
    ]),
  ]);
  const [first = "", ...others] = lines;
  const shown = [colors.dim(first), ...others, "", ...describe(rows, gate)];
  return `${shown.join("\n")}\n`;
}

export const figureNames = [
  "K",
  "stopping",
  "right",
  "95 % interval",
  "answers",
  "cost / 1,000",
  "seconds",
  "confidence off by",
];

export function figuresOf(row: EvaluatedRow): string[] {
  const { k, stopping, accuracy, samples, costUsd, seconds, calibrationError, source } = row;
  return [
    String(k),
    stopping,
    percentOf(accuracy.value),
    `${percentOf(accuracy.low)} to ${percentOf(accuracy.high)}`,
    samples.toFixed(2),
    costUsd === null ? "unknown" : showUsd(costUsd * 1_000),
    // Those of a replay say nothing of the model.
    source === "recorded" || seconds === null ? "-" : seconds.toFixed(seconds < 10 ? 2 : 0),
    calibrationError === null ? "-" : pointsOf(calibrationError),
  ];
}

/** Says in words which row betters the first beyond chance, and which is the cheapest that passes a gate. */
export function describe(rows: readonly EvaluatedRow[], gate: Gate | undefined): string[] {
  const [first] = rows;
  if (!first) return ["No input was evaluated."];
  const isPriced = priceOf(first, rows) !== first.samples;
  const [better] = rows
    .filter(({ gain }) => gain.low > 0)
    .sort((a, b) => b.gain.value - a.gain.value || priceOf(a, rows) - priceOf(b, rows));
  return [
    `${counted(first.inputs, "input")}. * no other row is as often right for less (${isPriced ? "dollars" : "answers"}).`,
    better
      ? `${nameOf(better, rows)} is right more often than ${nameOf(first, rows)}: by ${signed(better.gain)} points over the same inputs (95 % interval of these two alone).`
      : `No row is right more often than ${nameOf(first, rows)} beyond chance, over these inputs.`,
    ...noticesOf(rows),
    ...(gate ? [describeGate(gate, rows)] : []),
  ];
}

/** Says where answers come from that no model was asked for now. */
function noticesOf(rows: readonly EvaluatedRow[]): string[] {
  const sources = new Set(rows.map(({ source }) => source));
  return [
    ...(sources.has("simulated") ? ["Answers are simulated: they say nothing about a model."] : []),
    ...(sources.has("recorded") ? ["Answers are recorded: they cost nothing now, and took no time."] : []),
  ];
}

function describeGate({ minAccuracy, cheapest }: Gate, rows: readonly EvaluatedRow[]): string {
  if (!cheapest) return `No row reaches ${percentOf(minAccuracy)}.`;
  const { accuracy } = cheapest;
  const sure = accuracy.low >= minAccuracy ? "" : `, though these inputs allow for ${percentOf(accuracy.low)}`;
  return `The cheapest that reaches ${percentOf(minAccuracy)}: ${nameOf(cheapest, rows)}, right in ${percentOf(accuracy.value)}${sure}.`;
}

/** A row by what tells it from the others. */
export function nameOf({ tool, model, k, stopping }: EvaluatedRow, rows: readonly EvaluatedRow[]): string {
  const parts = [
    isOfSeveral(rows, "tool") && showOnLine(tool),
    isOfSeveral(rows, "model") && showOnLine(model),
    `K = ${k}`,
    k > 1 && stopping,
  ];
  return parts.filter((part) => part !== false).join(", ");
}

export function isOfSeveral(rows: readonly EvaluatedRow[], name: "tool" | "model"): boolean {
  return new Set(rows.map((row) => row[name])).size > 1;
}

function signed({ value, low, high }: Measured): string {
  const points = (share: number) => (share * 100).toFixed(1);
  return `${points(value)} [${points(low)}, ${points(high)}]`;
}

function pointsOf({ value, low, high }: Measured): string {
  return `${(value * 100).toFixed(1)} [${(low * 100).toFixed(1)}, ${(high * 100).toFixed(1)}]`;
}

export function percentOf(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
