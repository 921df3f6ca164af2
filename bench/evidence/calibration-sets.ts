import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { groupAnswers } from "../../src/evidence.ts";
import { isSameAnswer } from "./same-answer.ts";

/** Answers to one question as the numbers of their groups. */
export interface GroupedQuestion {
  /** Group of each sample; `null` where it is not valid. */
  readonly groups: readonly (number | null)[];
  /** Groups that are right. */
  readonly right: ReadonlySet<number>;
}

/** One model on one task. */
export interface CalibrationSet {
  readonly name: string;
  /** Tasks of one kind, whose sets are averaged first. */
  readonly family: string;
  readonly questions: readonly GroupedQuestion[];
}

interface Line {
  /** `…-cut` of traces that were cut short and then asked for their answer: no samples of one question. */
  readonly id: string;
  readonly task?: string;
  readonly model?: string;
  readonly gold: unknown;
  readonly samples: readonly (string | number | null)[];
  readonly ok?: readonly boolean[];
}

const families: Readonly<Record<string, string>> = {
  date: "dates",
  saycan: "robot plans",
  "crossword-word": "crossword words",
  game24: "Game of 24",
  math500: "MATH-500",
};

/** The recorded sets in `bench/data`, of all families. */
export function readCalibrationSets(folder: string): CalibrationSet[] {
  const inside = join(folder, "calibration");
  const files = readdirSync(inside).filter((name) => name.endsWith(".jsonl"));
  return [
    { ...setOf("GSM8K", linesOf(join(folder, "gsm8k-gpt4omini-40.jsonl"))), family: "GSM8K" },
    { ...setOf("TriviaQA", linesOf(join(folder, "triviaqa-llama13b-20.jsonl")), isSameAnswer), family: "TriviaQA" },
    ...files.sort().flatMap((file) => setsIn(file, linesOf(join(inside, file)))),
  ];
}

function setsIn(file: string, lines: readonly Line[]): CalibrationSet[] {
  return [...Map.groupBy(lines, ({ model = "" }) => model)].map(([model, own]) => {
    const family = families[own[0]?.task ?? ""] ?? "competition maths";
    return { ...setOf(model || file.replace(/[.]jsonl$/, ""), own), family };
  });
}

function linesOf(path: string): Line[] {
  return readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line)
    .filter(({ id }) => !id.endsWith("-cut"));
}

/** @param isRight compares an answer with the right one, where that is not equality */
function setOf(
  name: string,
  lines: readonly Line[],
  isRight?: (answer: string, gold: string) => boolean,
): Omit<CalibrationSet, "family"> {
  return { name, questions: lines.map((line) => questionOf(line, isRight)) };
}

function questionOf({ samples, gold, ok }: Line, isRight?: (answer: string, gold: string) => boolean): GroupedQuestion {
  const isValid = (sample: unknown) => sample !== null && sample !== "";
  const numbered = isRight ? groupAnswers(samples.map(String)) : numberEqual(samples);
  const right = new Set<number>();
  for (const [at, sample] of samples.entries()) {
    const isCorrect = ok ? ok[at] === true : isRight ? isRight(String(sample), String(gold)) : sample === gold;
    if (isValid(sample) && isCorrect) right.add(numbered[at] as number);
  }
  return { groups: samples.map((sample, at) => (isValid(sample) ? (numbered[at] as number) : null)), right };
}

function numberEqual(values: readonly unknown[]): number[] {
  const known = new Map<unknown, number>();
  return values.map((value) => {
    const number = known.get(value) ?? known.size;
    known.set(value, number);
    return number;
  });
}
