import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import {
  defineBundleTool,
  hasEvidence,
  type OrchestrationOutput,
  PromptBundleTool,
  ReliableOrchestrator,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { SqliteStore } from "../../src/stores/sqlite.ts";
import { scriptedModel } from "../../src/testing.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dates-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const schema = z.object({
  due: z.iso.date().transform((text) => new Date(text)),
  tags: z.array(z.string()).transform((tags) => new Set(tags)),
  cents: z.string().transform(BigInt),
  who: z.string().trim(),
});
const rows = [
  { due: "2024-01-02", tags: ["a"], cents: "9007199254740993", who: " ann" },
  { due: "2024-01-03", tags: ["a"], cents: "9007199254740993", who: "ann" },
  { due: "2024-01-03", tags: ["b"], cents: "1", who: "ann" },
];
const consensus = { due: new Date("2024-01-03"), tags: new Set(["a"]), cents: 9007199254740993n, who: "ann" };
const usage = { inputTokens: 5, outputTokens: 5 };
const answers = rows.map((object) => ({ object, usage }));

function evidenceIn(output: OrchestrationOutput<any>) {
  return hasEvidence<z.output<typeof schema>>(output) ? output.content.evidenceBundle : expect.fail(`${output.status}`);
}

/** Runs a key on a store, each time in what stands for another process. */
function keyed(store: SqliteStore | MemoryStore, script: Parameters<typeof scriptedModel>[0]) {
  const model = scriptedModel(script);
  const tool = new PromptBundleTool({ name: "t", model, prompt: "x", schema });
  const run = () =>
    new ReliableOrchestrator({ store, state: new ReliabilityState() }).run({
      tool,
      request: {},
      toolOptions: { k: 3, stopping: "none", maxParallel: 1 },
      options: { idempotencyKey: "key" },
    });
  return { model, run };
}

describe.each([
  ["sqlite", () => new SqliteStore({ path: join(folder, "runs.db") })],
  ["memory", () => new MemoryStore()],
])("under a key in %s, values that JSON cannot hold", (_, open) => {
  test("are there in the run, and again in each replay of it", async () => {
    const store = open();
    const { model, run } = keyed(store, answers);
    const first = await run();
    const replayed = await run();
    expect(model.calls).toHaveLength(3);
    expect(replayed.metadata.replayed).toBe(true);
    for (const output of [first, replayed]) {
      const { summary, replicates } = evidenceIn(output);
      expect(summary.consensus).toStrictEqual(consensus);
      expect(summary.consensusJson).toEqual({ ...rows[1] });
      expect(replicates.map(({ data }) => (data as typeof consensus).due)).toEqual(
        rows.map(({ due }) => new Date(due)),
      );
    }
    expect(replayed.content).toStrictEqual(first.content);
    expect(JSON.stringify(replayed.content)).toBe(JSON.stringify(first.content));
    await store.close();
  });

  test("come back when a run that broke off is resumed", async () => {
    const store = open();
    const broken = await keyed(store, [...answers.slice(0, 2), { status: 401 }]).run();
    expect(broken.status).toBe("partial");
    const { model, run } = keyed(store, answers.slice(2));
    const resumed = evidenceIn(await run());
    expect(model.calls).toHaveLength(1);
    const whole = evidenceIn(await keyed(new MemoryStore(), answers).run());
    expect(resumed.summary).toEqual(whole.summary);
    expect(resumed.replicates.map(({ data }) => data)).toStrictEqual(whole.replicates.map(({ data }) => data));
    expect(resumed.replicates.map(({ json }) => json)).toEqual(whole.replicates.map(({ json }) => json));
    await store.close();
  });

  test("are there for each caller that joins a run in flight, in an output of its own", async () => {
    const store = open();
    const { model, run } = keyed(store, answers);
    const state = new ReliabilityState();
    const orchestrator = new ReliableOrchestrator({ store, state });
    const tool = new PromptBundleTool({ name: "t", model, prompt: "x", schema });
    const input = {
      tool,
      request: {},
      toolOptions: { k: 3, stopping: "none" },
      options: { idempotencyKey: "key" },
    } as const;
    const [one, other] = await Promise.all([orchestrator.run(input), orchestrator.run(input)]);
    expect(model.calls).toHaveLength(3);
    expect(other?.content).toStrictEqual(one?.content);
    expect(evidenceIn(other as never)).not.toBe(evidenceIn(one as never));
    expect(evidenceIn(other as never).summary.consensus?.due).toBeInstanceOf(Date);
    void run;
    await store.close();
  });
});

test("a replay gives the JSON where the schema in force refuses what was kept", async () => {
  const store = new MemoryStore();
  let limit = 10;
  const strict = z.object({ n: z.number().refine((n) => n < limit) }).transform(({ n }) => ({ at: new Date(n) }));
  const tool = defineBundleTool({
    name: "t",
    input: z.object({}),
    schema: strict,
    executeReplicate: async () => ({ data: { n: 5 } }),
  });
  const run = () =>
    new ReliableOrchestrator({ store, state: new ReliabilityState() }).run({
      tool,
      request: {},
      options: { idempotencyKey: "key" },
    });
  expect(evidenceIn(await run()).summary.consensus).toEqual({ at: new Date(5) });
  limit = 1;
  expect(evidenceIn(await run()).summary.consensus).toEqual({ n: 5 });
});
