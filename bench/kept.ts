/**
 * Measures the largest bundle under a key: 10,000 answers are journaled, the output is stored, and another process gets
 * it again.
 *
 *     node bench/kept.ts
 *
 * The model answers at once, so that what is measured is the work around it. Four answers in five agree. "Without a key" is
 * the same run without a store. Not measured: a Postgres behind a network.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { startPostgres } from "../scripts/postgres.ts";
import { type OrchestrationOutput, PromptBundleTool, ReliableOrchestrator } from "../src/index.ts";
import { ReliabilityState } from "../src/reliability.ts";
import { PostgresStore } from "../src/store/postgres.ts";
import { SqliteStore } from "../src/store/sqlite.ts";
import type { ManagedStore } from "../src/store/store.ts";
import { scriptedModel } from "../src/testing.ts";

const k = 10_000;
const folder = mkdtempSync(join(tmpdir(), "steer-bench-"));
const path = join(folder, "runs.sqlite");
const server = await startPostgres();
const rows: Record<string, object> = {};

rows["without a key"] = { "run, s": seconds((await ask(undefined)).elapsedMs) };
rows["sqlite"] = await runAndReplay(() => new SqliteStore({ path }));
if (server) rows["postgres"] = await runAndReplay(() => new PostgresStore({ connectionString: server.url }));
await server?.stop();
rmSync(folder, { recursive: true });
console.table(rows);

async function runAndReplay(open: () => ManagedStore): Promise<object> {
  const [first, second] = [open(), open()];
  const run = await ask(first);
  const replay = await ask(second);
  const kept = (await second.show("largest"))?.output;
  await first.close();
  await second.close();
  return {
    "run, s": seconds(run.elapsedMs),
    "replay, s": seconds(replay.elapsedMs),
    "kept, MB": (JSON.stringify(kept).length / 1e6).toFixed(1),
    "calls of the replay": replay.calls,
    "same summary": isDeepStrictEqual(summaryOf(run.output), summaryOf(replay.output)),
  };
}

async function ask(store: ManagedStore | undefined) {
  const model = scriptedModel(({ index }) => ({ text: `{ "severity": ${index % 5 === 0 ? index % 7 : 3} }` }));
  const tool = new PromptBundleTool({
    name: "largest",
    prompt: "How severe is it?",
    model,
    schema: z.object({ severity: z.int() }),
    defaultOptions: { k, maxParallel: 100, stopping: "none" },
  });
  const orchestrator = new ReliableOrchestrator({ store, state: new ReliabilityState() });
  const startedAtMs = performance.now();
  const options = store ? { idempotencyKey: "largest" } : {};
  const output = await orchestrator.run({ tool, request: {}, options });
  return { output, calls: model.calls.length, elapsedMs: performance.now() - startedAtMs };
}

function summaryOf(output: OrchestrationOutput): unknown {
  return (output.content as { evidenceBundle: { summary: unknown } }).evidenceBundle.summary;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
