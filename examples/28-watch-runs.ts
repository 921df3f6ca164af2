/**
 * A run whose events are kept: another process watches it, reads on after a break, and finds it in a list later. The model is a
 * simulation, which is not a language model. A second log on the same file stands for the other process.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PromptBundleTool, ReliableOrchestrator } from "steer-llm-sdk";
import { SqliteEventLog, streamRun } from "steer-llm-sdk/events";
import { z } from "zod";

const folder = mkdtempSync(join(tmpdir(), "steer-watch-"));
const path = join(folder, "events.sqlite");

const triage = new PromptBundleTool({
  name: "triage",
  model: process.env["STEER_MODEL"] ?? "simulated:?error=0.02&latencyMs=20&truth=billing",
  input: z.object({ report: z.string() }),
  prompt: "Which team owns this report: editor, billing or login? Answer with one word.\n{{report}}",
  defaultOptions: { k: 3, stopping: "none" },
});

const events = new SqliteEventLog({ path });
const orchestrator = new ReliableOrchestrator({ events });
const run = orchestrator.run({
  tool: triage,
  request: { report: "The invoice of March is wrong." },
  options: { requestId: "report-17" },
});

// The other process: it watches from the first event on, and is cut off after the third.
const elsewhere = new SqliteEventLog({ path });
while (!(await elsewhere.find("report-17"))) await new Promise((resolve) => setTimeout(resolve, 10));
let lastSeq = -1;
for await (const event of streamRun(elsewhere, "report-17")) {
  console.log(`${event.seq} ${event.type}`);
  lastSeq = event.seq;
  if (lastSeq === 2) break;
}
console.log("… cut off; again, after the last event that came:");
const rest = streamRun(elsewhere, "report-17", { afterSeq: lastSeq });
for await (const event of rest) console.log(`${event.seq} ${event.type}`);
await run;

const { runs } = await elsewhere.list({ toolName: "triage", status: "completed" });
for (const { runId, status, lastSeq } of runs) console.log(`${runId}: ${status}, ${lastSeq + 1} events`);
await elsewhere.close();
await events.close();
rmSync(folder, { recursive: true });
