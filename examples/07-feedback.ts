/**
 * Learns from labels what a confidence means. Of 500 recorded answers of llama-13b to questions of TriviaQA, the first
 * half is judged; the other half, without labels, then has a confidence that is closer to the truth.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CalibrationStore,
  type EvidenceBundle,
  type JudgedBundle,
  Orchestrator,
  PromptBundleTool,
  unwrap,
} from "steer-llm-sdk";
import { calibrationError, type JudgedConfidence, pairwiseDistance } from "steer-llm-sdk/evidence";

const recording = "bench/data/triviaqa-llama13b-20.jsonl";
const questions: { id: string; question: string; gold: string }[] = readFileSync(recording, "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line));

const folder = mkdtempSync(join(tmpdir(), "steer-example-"));
const calibrations = new CalibrationStore({ path: folder }); // a project leaves the path out: .steer/calibrations
const orchestrator = new Orchestrator({ calibrations });
const withoutLabels = new Orchestrator(); // learns from the votes of its bundles alone
const trivia = new PromptBundleTool({
  name: "trivia",
  model: `recorded:${recording}`,
  prompt: "{{question}}",
  defaultOptions: { k: 10 },
});

/** The bundle of a question that has a valid answer. */
async function ask(question: string, asked = orchestrator): Promise<EvidenceBundle<string>> {
  return unwrap(await asked.run({ tool: trivia, request: { question } })).evidenceBundle;
}

function isRight(bundle: EvidenceBundle<string>, gold: string): boolean {
  return pairwiseDistance([bundle.summary.consensus, gold], { text: true })[0]?.[1] === 0;
}

const judged: JudgedBundle[] = [];
for (const { id, question, gold } of questions.slice(0, 250)) {
  const bundle = await ask(question);
  judged.push({ id, bundle, correct: isRight(bundle, gold) });
}
const [learnt] = await calibrations.label(judged);
console.log(`Learnt from ${learnt?.labels.length} labels of ${learnt?.task}, ${learnt?.model}.`);

const before: JudgedConfidence[] = [];
const after: JudgedConfidence[] = [];
for (const { question, gold } of questions.slice(250)) {
  const bundle = await ask(question);
  const correct = isRight(bundle, gold);
  before.push({ confidence: (await ask(question, withoutLabels)).summary.confidence, correct });
  after.push({ confidence: bundle.summary.confidence, correct });
}
console.log("How far confidence and accuracy are apart, for the questions without a label:");
console.log(`  from votes alone    ${(calibrationError(before) * 100).toFixed(1)} points`);
console.log(`  learnt from labels  ${(calibrationError(after) * 100).toFixed(1)} points`);
rmSync(folder, { recursive: true });
