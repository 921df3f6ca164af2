import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const fewestLines = 6;

/** Counts the places in src/ where at least six lines of code stand that stand somewhere else too. Blank lines, comments, lone punctuation and imports do not count. */
export function countDuplicatePlaces(): number {
  const files = execFileSync("git", ["ls-files", "src/*.ts"], { encoding: "utf8" }).trim().split("\n");
  const seen = new Map<string, number>();
  const windows = files.map((file) => windowsOf(codeLines(file)));
  for (const window of windows.flat()) seen.set(window, (seen.get(window) ?? 0) + 1);
  return windows.flatMap((of) => startsOfRuns(of.map((window) => (seen.get(window) as number) > 1))).length;
}

function codeLines(file: string): string[] {
  const text = readFileSync(file, "utf8")
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/^import [\s\S]*?;$/gm, "");
  return text
    .split("\n")
    .map((line) => line.replace(/\/\/.*$/, "").trim())
    .filter((line) => /[\w"'`]/.test(line));
}

function windowsOf(lines: readonly string[]): string[] {
  const count = Math.max(0, lines.length - fewestLines + 1);
  return Array.from({ length: count }, (_, at) => lines.slice(at, at + fewestLines).join("\n"));
}

function startsOfRuns(repeated: readonly boolean[]): number[] {
  return repeated.flatMap((is, at) => (is && !repeated[at - 1] ? [at] : []));
}
