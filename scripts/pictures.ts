/**
 * Takes the pictures of the docs anew: the report of the demo's job, as Chromium shows it.
 *
 *     npm run pictures
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { launchChromium } from "../test/support/chromium.ts";

const questions = "bench/data/triviaqa-llama13b-20.jsonl";
const size = { width: 1_000, height: 1_180 };

const folder = mkdtempSync(join(tmpdir(), "steer-pictures-"));
const browser = await launchChromium();
try {
  const inputs = readFileSync(questions, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.stringify({ question: JSON.parse(line).question }));
  const [input, output, page] = ["in.jsonl", "out.jsonl", "out.html"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(input, inputs.join("\n"));
  steer("run", "examples/trivia.yaml", "--input", input, "--output", output);
  steer("report", output, "--min-confidence", "0.5", "--html", page);
  const tab = await browser.newPage({ viewport: size, colorScheme: "light" });
  await tab.goto(pathToFileURL(page).href);
  await tab.screenshot({ path: "docs/pictures/job-report.png" });
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}

function steer(...parameters: string[]): void {
  execFileSync(process.execPath, ["--no-warnings", "src/cli/main.ts", ...parameters], { stdio: "ignore" });
}
