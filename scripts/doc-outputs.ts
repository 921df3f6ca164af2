/**
 * Runs the commands whose output the docs show, and fails where it is no longer what they show. A block names its command:
 *
 *     <!-- output: node dist/cli/main.js demo -->
 *
 * Its lines have to stand in what the command prints, one below the other; a line `…` leaves some out.
 */
import { execSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";

const printedBy = new Map<string, string>();
const block = /<!-- output: (?<command>.+?) -->\n```\w*\n(?<shown>.*?)```/gs;

for (const file of globSync("{README.md,docs/*.md,docs/guide/**/*.md}")) {
  for (const { groups } of readFileSync(file, "utf8").matchAll(block)) {
    const { command = "", shown = "" } = groups ?? {};
    const printed =
      printedBy.get(command) ?? execSync(command, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
    printedBy.set(command, printed);
    const missing = partsOf(shown).filter((part) => !printed.includes(part));
    console.log(`= ${file} shows what is printed by: ${command}`);
    for (const part of missing) console.error(`${file}: ${command} no longer prints\n${part}`);
    if (missing.length > 0) process.exitCode = 1;
  }
}

function partsOf(shown: string): string[] {
  return shown
    .split(/^…\n/m)
    .map((part) => part.trimEnd())
    .filter((part) => part !== "");
}
