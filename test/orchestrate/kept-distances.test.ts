import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hasEvidence, type OrchestrationOutput, PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";
import { ReliabilityState, type RunStore } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { SqliteStore } from "../../src/stores/sqlite.ts";
import { createFakeClock, scriptedModel } from "../../src/testing.ts";

type ToolOptions = Partial<ConstructorParameters<typeof PromptBundleTool>[0]>;

/** Runs a keyed bundle of `k` answers, again in another process, and returns both outputs and what the store kept. */
async function runTwice(store: RunStore, k: number, more: ToolOptions = {}) {
  const kept: OrchestrationOutput[] = [];
  const settle = store.settle.bind(store);
  store.settle = (token, output, ttlMs) => {
    kept.push(output);
    return settle(token, output, ttlMs);
  };
  const run = () => {
    let answers = 0;
    const model = scriptedModel(() => ({ text: `It is ${answers++ % 7}.` }));
    const tool = new PromptBundleTool({ name: "t", prompt: "?", model, ...more });
    const clock = createFakeClock();
    const orchestrator = new ReliableOrchestrator({ store, clock, state: new ReliabilityState({ clock }) });
    const toolOptions = { k, maxParallel: 100, stopping: "none" as const };
    return orchestrator.run({ tool, request: {}, toolOptions, options: { idempotencyKey: "key" } });
  };
  const first = await run();
  const replayed = await run();
  expect(replayed.metadata.replayed).toBe(true);
  return { first: summaryOf(first), replayed: summaryOf(replayed), kept: summaryOf(kept[0] as OrchestrationOutput) };
}

function summaryOf(output: OrchestrationOutput<any>) {
  return hasEvidence(output) ? output.content.evidenceBundle.summary : expect.fail(output.status);
}

const stores = {
  memory: async (use: (store: RunStore) => Promise<void>) => use(new MemoryStore()),
  sqlite: async (use: (store: RunStore) => Promise<void>) => {
    const folder = mkdtempSync(join(tmpdir(), "distances-"));
    const store = new SqliteStore({ path: join(folder, "runs.sqlite") });
    await use(store).finally(() => store.close());
    rmSync(folder, { recursive: true });
  },
};

describe.each(Object.entries(stores))("a bundle under a key in %s", (_name, withStore) => {
  test("is kept without its distances, and replayed with them", () =>
    withStore(async (store) => {
      const { first, replayed, kept } = await runTwice(store, 20);
      expect(kept).not.toHaveProperty("pairwiseDistance");
      expect(first.pairwiseDistance?.flat().some((distance) => (distance ?? 0) > 0)).toBe(true);
      expect(replayed).toEqual(first);
      expect(JSON.stringify(replayed)).toBe(JSON.stringify(first));
    }));

  test("of 2,000 answers is kept, and replayed as it was", () =>
    withStore(async (store) => {
      const { first, replayed } = await runTwice(store, 2_000);
      expect(first).toMatchObject({ validCount: 2_000, pairwiseDistance: null });
      expect(replayed).toEqual(first);
    }));
});

test("distances that a function has measured are kept: it is not asked again", async () => {
  let asked = 0;
  const similarity = async (a: string, b: string) => {
    asked++;
    return a === b ? 1 : 0.3;
  };
  const { first, replayed, kept } = await runTwice(new MemoryStore(), 5, {
    defaultOptions: { compare: { similarity } },
  });
  const askedFirst = asked;
  expect(kept.pairwiseDistance).toEqual(first.pairwiseDistance);
  expect(replayed).toEqual(first);
  expect(asked).toBe(askedFirst);
});

test("replicates of a model that was replaced by a stronger one have no distances, on replay as before", async () => {
  const weak = ["a", "b", "c"];
  const model = scriptedModel(() => ({ text: weak.pop() ?? "d" }));
  const stronger = scriptedModel([{ text: "x" }, { text: "y" }, { text: "x" }], { modelId: "stronger" });
  const escalate = { below: 0.9, to: [stronger] };
  const { first, replayed } = await runTwice(new MemoryStore(), 3, { model, defaultOptions: { escalate } });
  expect(first.pairwiseDistance).toHaveLength(3);
  expect(replayed).toEqual(first);
});

test("where its tool is gone, a replayed bundle has no distances", async () => {
  const clock = createFakeClock();
  const store = new MemoryStore({ clock });
  const orchestrator = () => new ReliableOrchestrator({ store, clock, state: new ReliabilityState({ clock }) });
  const model = scriptedModel(() => ({ text: "a" }));
  const broken = { name: "b", execute: () => Promise.reject(new Error("no")) };
  const answering = new PromptBundleTool({ name: "t", prompt: "?", model });
  const run = (fallbackTools: any[]) =>
    orchestrator().run({ tool: broken as any, fallbackTools, request: {}, options: { idempotencyKey: "key" } });
  expect(summaryOf(await run([answering])).pairwiseDistance).not.toBeNull();
  const replayed = await run([]);
  expect(replayed.metadata).toMatchObject({ replayed: true, toolName: "t" });
  expect(summaryOf(replayed).pairwiseDistance).toBeNull();
});
