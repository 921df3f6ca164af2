import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Two texts, and whether a careful person takes them for one answer. */
export interface ContrastPair {
  readonly id: string;
  readonly a: string;
  readonly b: string;
  readonly same: boolean;
  readonly category: string;
}

/** The pairs of one of the contrast sets. */
export function readPairs(name: "first" | "second" | "third"): ContrastPair[] {
  const path = join(import.meta.dirname, "../../../bench/data/same-answer", `${name}.jsonl`);
  return readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as ContrastPair);
}
