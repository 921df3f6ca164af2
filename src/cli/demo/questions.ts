import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../package-root.ts";

/** A question of TriviaQA, and what it accepts as right. */
export interface TriviaQuestion {
  readonly question: string;
  readonly gold: string;
}

/** 20 answers of llama-13b to each of 500 questions; bench/data/README.md says where they come from. */
export const recordingPath = join(packageRoot(), "bench", "data", "triviaqa-llama13b-20.jsonl");

export function loadQuestions(): TriviaQuestion[] {
  const lines = readFileSync(recordingPath, "utf8").trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as TriviaQuestion);
}
