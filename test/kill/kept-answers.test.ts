import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type EvidenceBundle, PromptBundleTool, ReliableOrchestrator, unwrap } from "../../src/index.ts";
import { SqliteStore } from "../../src/stores/sqlite.ts";
import { scriptedModel } from "../../src/testing.ts";
import type { Death } from "./death.ts";
import type { AnswersLife } from "./programs/answers-life.ts";

const k = 4;
const program = new URL("programs/answers-life.ts", import.meta.url);
const hourMs = 3_600_000;

test.each<[Death, number]>([
  [{ point: "after claim", passing: 1 }, 0],
  [{ point: "after call", passing: 3 }, 2],
  [{ point: "after journal", passing: 3 }, 3],
])("killed %o, a process leaves its answers to the next one: %i of them", async (death, left) => {
  const folder = mkdtempSync(join(tmpdir(), "steer-answers-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "runs.sqlite");
  const life: AnswersLife = { place: { path }, death, k };
  const killed = fork(program, [JSON.stringify(life)], { execArgv: ["--no-warnings"] });
  expect(await once(killed, "exit")).toEqual([null, "SIGKILL"]);

  let calls = 0;
  const model = scriptedModel(({ seed }: any) => {
    calls++;
    return { text: `answer to ${seed}` };
  });
  const defaultOptions = { k, stopping: "none" } as const;
  const tool = new PromptBundleTool({ name: "triage", model, prompt: "Is it open?", defaultOptions });
  const ask = async (store: SqliteStore) => {
    const output = await new ReliableOrchestrator({ store }).run({ tool, request: {} });
    return unwrap(output).evidenceBundle as EvidenceBundle;
  };

  // The dead process still has the answers: its lease is not over. They are asked for anew, and none waits.
  const early = new SqliteStore({ path });
  expect((await ask(early)).meta.reuse).toBeUndefined();
  await early.close();
  expect(calls).toBe(k);

  const store = new SqliteStore({ path, clock: { now: () => Date.now() + hourMs } });
  const bundle = await ask(store);
  expect(bundle.meta.reuse?.replicateIds ?? []).toHaveLength(left);
  expect(calls).toBe(k + k - left);
  expect(bundle.replicates.map(({ data }) => data)).toEqual(bundle.meta.seeds.map((seed) => `answer to ${seed}`));
  expect((await ask(store)).meta.reuse?.replicateIds).toHaveLength(k);
  expect(calls).toBe(k + k - left);
  expect(await store.verify()).toEqual([]);
  await store.close();
});
