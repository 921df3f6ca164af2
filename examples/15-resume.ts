/**
 * A process that is killed in the middle of a run, and the one that follows it: the second asks only for the answers that
 * the first had not kept. The model is a script that answers after 20 ms and counts its calls.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { PromptBundleTool, ReliableOrchestrator } from "steer-llm-sdk";
import { SqliteStore } from "steer-llm-sdk/stores/sqlite";
import { scriptedModel } from "steer-llm-sdk/testing";

const [given] = process.argv.slice(2);
const folder = given ?? mkdtempSync(join(tmpdir(), "steer-"));
const isFirstProcess = given !== undefined;

const model = scriptedModel(async () => {
  await setTimeout(20);
  return { text: "high", usage: { inputTokens: 20, outputTokens: 5 } };
});
const triage = new PromptBundleTool({
  name: "triage",
  model,
  prompt: "How severe is it?\n{{report}}",
  defaultOptions: { k: 5, stopping: "none", maxParallel: 1 },
});

/** Kills this process once three answers are there, as the end of memory or a power cut would. */
function killAfterThird(replicateId: string): void {
  console.log(`  ${replicateId} is paid for and kept`);
  if (replicateId === "r3") process.kill(process.pid, "SIGKILL");
}

async function run() {
  const store = new SqliteStore({ path: join(folder, "runs.sqlite") });
  // A short lease, so that the example need not wait 30 s until the dead process has lost its key.
  const orchestrator = new ReliableOrchestrator({ store, reliabilityConfig: { leaseMs: 500 } });
  const output = await orchestrator.run({
    tool: triage,
    request: { report: "Saving a file of 2 GB crashes the editor." },
    options: { idempotencyKey: "report-17" },
    onEvent: (event) => isFirstProcess && event.type === "replicate_done" && killAfterThird(event.replicate.id),
  });
  await store.close();
  return output;
}

if (isFirstProcess) await run();
else {
  console.log("The first process:");
  const { signal } = spawnSync(process.execPath, [import.meta.filename, folder], { stdio: "inherit" });
  console.log(`  ended by ${signal}`);

  const output = await run();
  if (output.status === "failed") throw new Error(JSON.stringify(output.errors));
  const { consensus, validCount } = output.content.evidenceBundle.summary;
  console.log("The second process:");
  console.log(`  consensus ${consensus}, of ${validCount} answers`);
  console.log(`  asked for ${model.calls.length} of them, ${output.usage.totalTokens} tokens`);
  console.log(`  found the others, ${output.metadata.journaledUsage?.totalTokens} tokens`);
  rmSync(folder, { recursive: true });
}
