import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { SqliteEventLog, streamRun } from "../../src/events.ts";
import { PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";
import { SqliteStore } from "../../src/stores/sqlite.ts";
import { scriptedModel } from "../../src/testing.ts";
import type { EventsLife } from "./programs/events-life.ts";

const k = 4;
const program = new URL("programs/events-life.ts", import.meta.url);
const hourMs = 3_600_000;
const run = { key: "report-17", requestId: "watched", k };

/** What a listener sees of a run, and what it has asked for. */
async function listen(events: SqliteEventLog, afterSeq = -1) {
  const seen: { seq: number; type: string }[] = [];
  for await (const { seq, type } of streamRun(events, run.requestId, { afterSeq })) seen.push({ seq, type });
  return seen;
}

test.each<EventsLife["death"]>([
  { at: "before append", passing: 2 },
  { at: "after append", passing: 2 },
  { at: "call", passing: 3 },
])(
  "killed %o, a run goes on in another process, and a listener that was there before misses no event",
  async (death) => {
    const folder = mkdtempSync(join(tmpdir(), "steer-events-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const paths = { store: join(folder, "runs.sqlite"), events: join(folder, "events.sqlite") };
    const killed = fork(program, [JSON.stringify({ ...run, ...paths, death })], { execArgv: ["--no-warnings"] });
    expect(await once(killed, "exit")).toEqual([null, "SIGKILL"]);

    const events = new SqliteEventLog({ path: paths.events });
    const before = await events.read(run.requestId);
    const listening = listen(events);
    const store = new SqliteStore({ path: paths.store, clock: { now: () => Date.now() + hourMs } });
    const left = await store.show(run.key);
    const model = scriptedModel(({ seed }: any) => ({ text: `answer to ${seed}` }));
    const defaultOptions = { k, stopping: "none", maxParallel: 1 } as const;
    const tool = new PromptBundleTool({ name: "triage", model, prompt: "Is it open?", defaultOptions });
    const options = { idempotencyKey: run.key };
    const output = await new ReliableOrchestrator({ store, events }).run({ tool, request: {}, options });

    const seen = await listening;
    expect(output.status).toBe("completed");
    expect(model.calls).toHaveLength(k - (left?.replicates.length ?? 0));
    expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, index) => index));
    expect(seen.slice(0, before.length)).toEqual(before.map(({ seq, type }) => ({ seq, type })));
    // The one who goes on begins anew, with what the journal has.
    expect(seen.filter(({ type }) => type === "run_started")).toHaveLength(before.length > 0 ? 2 : 1);
    expect(seen.at(-1)?.type).toBe("run_completed");
    expect(await listen(events, before.length)).toEqual(seen.slice(before.length + 1));
    expect((await events.list()).runs).toMatchObject([{ runId: run.requestId, status: "completed" }]);
    await events.close();
    await store.close();
  },
);
