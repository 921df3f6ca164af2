import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { normalizeText } from "../../src/evidence.ts";
import { consensusOf } from "./consensus.ts";
import { keyOf, shareOfFields } from "./json-fields.ts";
import { plurality } from "./plurality.ts";
import { isSameAnswer } from "./same-answer.ts";

/** One recorded answer. */
export interface Sample {
  readonly data: unknown;
  readonly valid: boolean;
  readonly tokens: number | undefined;
  /** Equal for equal answers. */
  readonly key: string;
}

/** One question, and what a model answered to it. */
export interface Question {
  readonly id: string;
  readonly samples: readonly Sample[];
  readonly gold: unknown;
}

/**
 * Recorded answers to many questions. `labels` are short values compared exactly; `texts` are compared exactly once
 * normalised, unless a table says otherwise; `objects` field by field.
 */
export interface DataSet {
  readonly name: string;
  readonly kind: "labels" | "texts" | "objects";
  readonly questions: readonly Question[];
  /** The most samples that every question has. */
  readonly mostSamples: number;
  /** What samples agree on; `undefined` without a valid one. */
  consensus(samples: readonly Sample[]): unknown;
  /** How far one answer is another: 0 or 1, of objects the share of the fields of `wanted`. */
  match(answer: unknown, wanted: unknown): number;
  /** How far an answer is right. */
  score(answer: unknown, gold: unknown): number;
}

interface Line {
  readonly id: string;
  readonly samples: readonly unknown[];
  readonly gold: unknown;
  readonly tokens?: readonly number[];
}

/** Reads recorded answers: one JSON object a line, `{ id, samples, gold, tokens? }`; `null` and `""` are invalid samples. */
export function readDataSet(path: string): DataSet {
  const lines = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as Line);
  const kind = kindOf(lines);
  const questions = lines.map((line) => questionOf(line, kind));
  const exact = (answer: unknown, wanted: unknown) => Number(answer !== undefined && answer === wanted);
  const byText = (answer: unknown, gold: unknown) => Number(judge(String(answer ?? ""), String(gold)));
  return {
    name: basename(path).replace(/\.jsonl$/, ""),
    kind,
    questions,
    mostSamples: Math.min(...questions.map(({ samples }) => samples.length)),
    consensus: kind === "objects" ? consensusOf : plurality,
    match: kind === "objects" ? shareOfFields : exact,
    score: kind === "objects" ? shareOfFields : kind === "texts" ? byText : exact,
  };
}

/** Whether a text is right, looked at once. */
function judge(text: string, gold: string): boolean {
  const pair = JSON.stringify([text, gold]);
  const known = judged.get(pair) ?? isSameAnswer(text, gold);
  judged.set(pair, known);
  return known;
}

const judged = new Map<string, boolean>();

function kindOf(lines: readonly Line[]): DataSet["kind"] {
  const samples = lines.flatMap((line) => line.samples).filter((sample) => sample !== null);
  if (samples.some((sample) => typeof sample === "object")) return "objects";
  return samples.some((sample) => typeof sample === "string") ? "texts" : "labels";
}

function questionOf({ id, samples, gold, tokens }: Line, kind: DataSet["kind"]): Question {
  return {
    id,
    samples: samples.map((data, at) => ({
      data: kind === "texts" ? normalizeText(String(data ?? "")) : data,
      valid: data !== null && data !== "",
      tokens: tokens?.[at],
      key: kind === "texts" ? normalizeText(String(data ?? "")) : keyOf(data),
    })),
    gold: kind === "objects" && typeof gold === "string" ? JSON.parse(gold) : gold,
  };
}
