/**
 * An answer that is not sure enough waits for a person, who decides in another process. Two orchestrators on one file stand for
 * the processes; the answers come from a script.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConflictError, createRegistry, hasEvidence, PromptBundleTool, ReliableOrchestrator } from "steer-llm-sdk";
import { SqliteStore } from "steer-llm-sdk/stores/sqlite";
import { scriptedModel } from "steer-llm-sdk/testing";

const answers = ["high", "low", "high"];
const triage = new PromptBundleTool({
  name: "triage",
  model: scriptedModel(({ index }) => ({ object: answers[index % 3] })),
  prompt: "How severe is it?\n{{report}}",
  schema: { enum: ["low", "high"] } as const,
  defaultOptions: { k: 3 },
});
const folder = mkdtempSync(join(tmpdir(), "steer-review-"));
const storeOf = () => new SqliteStore({ path: join(folder, "runs.sqlite") });

const store = storeOf();
const service = new ReliableOrchestrator({ store });
const ask = () =>
  service.run({
    tool: triage,
    request: { report: "The export is slow" },
    options: { idempotencyKey: "report-17", review: { below: 0.8 } },
  });
const waiting = await ask();
console.log(`Asked:    ${waiting.status}`, waiting.metadata.needsReview);

// Where people decide. With the tool in its registry, a consensus has to fit the tool's schema.
const storeOfPeople = storeOf();
const desk = new ReliableOrchestrator({ store: storeOfPeople, registry: createRegistry([triage]) });
await desk.resolve("report-17", { consensus: "low" });
await desk.resolve("report-17", { accept: true }).catch((error) => {
  if (ConflictError.isInstance(error)) console.log(`Too late: ${error.reason}`);
});

const decided = await ask();
if (hasEvidence(decided)) {
  const { consensus, votedJson } = decided.content.evidenceBundle.summary;
  console.log(`Decided:  ${decided.status}, ${decided.metadata.reviewed}: ${consensus} in place of ${votedJson}`);
}
await Promise.all([store.close(), storeOfPeople.close()]);
rmSync(folder, { recursive: true });
