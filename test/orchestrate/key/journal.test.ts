import { describe, expect, test } from "vitest";
import type { Replicate } from "../../../src/contract/bundle.ts";
import {
  BundleTool,
  hasEvidence,
  PromptBundleTool,
  ReliableOrchestrator,
  type ReplicateSpec,
  type ResolvedBundleOptions,
  type ToolContext,
} from "../../../src/index.ts";
import { createClaimJournal } from "../../../src/orchestrate/key/journal.ts";
import { ReliabilityState } from "../../../src/reliability.ts";
import { MemoryStore } from "../../../src/stores/memory.ts";
import { sampleReplicate, win } from "../../../src/testing/store-conformance/law.ts";
import { scriptedModel } from "../../../src/testing.ts";

async function journalOf(store: MemoryStore) {
  const { token, replicates } = await win(store, "key");
  const keep = async (replicate: Replicate) => {
    await store.append(token, replicate);
    return undefined;
  };
  return { journal: createClaimJournal(replicates, keep), token };
}

const always = async (kept: Replicate) => kept;
const place = (index = 0) => ({ toolName: "tool", stage: 0, index, seed: 100 + index, question: "q" });

describe("the journal of a claim", () => {
  test("finds a replicate at its own place: for its tool, its model, its turn, its seed and its question, and for no other", async () => {
    const store = new MemoryStore();
    const { journal, token } = await journalOf(store);
    await journal.append(place(), sampleReplicate());
    await store.release(token);
    const { journal: later } = await journalOf(store);
    for (const other of [{ toolName: "other" }, { stage: 1 }, { index: 1 }, { seed: 101 }, { question: "other" }])
      expect(await later.find({ ...place(), ...other }, always)).toBeUndefined();
    expect(await later.find(place(), always)).toMatchObject({ seed: 100, data: { severity: "high" } });
  });

  test("names replicates as the journals of earlier versions do", async () => {
    const store = new MemoryStore();
    const { journal, token } = await journalOf(store);
    await journal.append(place(), sampleReplicate());
    await journal.append({ ...place(1), stage: 1 }, sampleReplicate(1));
    await store.release(token);
    const { replicates } = await win(store, "key");
    expect(replicates.map(({ id }) => id)).toEqual(["tool/r1@q", "tool/2/r2@q"]);
  });

  test("keeps replicates apart that only their tools tell apart", async () => {
    const store = new MemoryStore();
    const { journal, token } = await journalOf(store);
    await journal.append(place(), sampleReplicate(0, "first"));
    await journal.append({ ...place(), toolName: "fallback" }, sampleReplicate(0, "second"));
    await journal.append({ ...place(), stage: 1 }, sampleReplicate(0, "third"));
    await store.release(token);
    const { journal: later } = await journalOf(store);
    const places = [place(), { ...place(), toolName: "fallback" }, { ...place(), stage: 1 }];
    const found = await Promise.all(places.map((own) => later.find(own, always)));
    expect(found.map((replicate) => replicate?.data)).toEqual(["first", "second", "third"]);
  });

  test("counts what an earlier run has paid once, however often it is found, and nothing that this one pays", async () => {
    const store = new MemoryStore();
    const { journal, token } = await journalOf(store);
    await journal.append(place(0), sampleReplicate(0));
    await store.release(token);
    const { journal: later } = await journalOf(store);
    expect(later.journaledUsage()).toBeUndefined();
    await later.append(place(1), sampleReplicate(1));
    for (let again = 0; again < 3; again++)
      for (const index of [0, 1]) expect(await later.find(place(index), always)).toMatchObject({ seed: 100 + index });
    expect(later.journaledUsage()?.totalTokens).toBe(15);
  });

  test("neither finds nor counts what cannot be used any more, and finds what this run has put in its place", async () => {
    const store = new MemoryStore();
    const { journal, token } = await journalOf(store);
    await journal.append(place(), sampleReplicate(0, "old"));
    await store.release(token);
    const { journal: later } = await journalOf(store);
    const recent = async (kept: Replicate) => (kept.data === "old" ? undefined : kept);
    expect(await later.find(place(), recent)).toBeUndefined();
    await later.append(place(), sampleReplicate(0, "recent"));
    expect(await later.find(place(), recent)).toMatchObject({ data: "recent" });
    expect(later.journaledUsage()).toBeUndefined();
  });
});

test("a resumed run that escalates sooner finds the stronger model's answers, under the ids that they have now", async () => {
  const usage = { inputTokens: 5, outputTokens: 5 };
  const yes = { text: "yes", usage };
  const weak = scriptedModel([{ status: 503 }, yes, yes, yes], { modelId: "weak" });
  const strong = scriptedModel([yes, { status: 401 }, yes], { modelId: "strong" });
  const orchestrator = new ReliableOrchestrator({
    state: new ReliabilityState(),
    reliabilityConfig: { maxRetries: 0 },
  });
  const escalate = { below: 1, to: [strong] };
  const tool = new PromptBundleTool({ name: "t", model: weak, prompt: "x", defaultOptions: { escalate } });
  const run = async () => {
    const toolOptions = { k: 3, stopping: "horizon", maxParallel: 1 } as const;
    const output = await orchestrator.run({ tool, request: {}, toolOptions, options: { idempotencyKey: "key" } });
    const replicates = hasEvidence(output) ? output.content.evidenceBundle.replicates : [];
    return { ...output, asked: replicates.map(({ id, model }) => `${id} ${model}`) };
  };
  const first = await run();
  expect(first.status).toBe("partial");
  expect(first.asked).toEqual(["r1 weak", "r2 weak", "r3 weak", "r4 strong", "r5 strong"]);
  const second = await run();
  expect(second.status).toBe("completed");
  expect(second.asked).toEqual(["r1 weak", "r2 weak", "r3 strong", "r4 strong"]);
  expect(second.usage.requests).toBe(2);
  expect(strong.calls.length).toBe(3);
});

/** Asks through the base class, and then fails as often as there are statuses to fail with. */
class Whole extends BundleTool<object, string> {
  readonly name = "whole";
  readonly asked: string[] = [];
  readonly #statuses: number[];

  constructor(statuses: number[]) {
    super();
    this.#statuses = statuses;
  }

  override async executeBundle(request: object, options: ResolvedBundleOptions, context: ToolContext) {
    const bundle = await super.executeBundle(request, options, context);
    const statusCode = this.#statuses.shift();
    if (statusCode !== undefined) throw Object.assign(new Error("no"), { statusCode });
    return bundle;
  }

  override async executeReplicate(_request: object, { id }: ReplicateSpec) {
    this.asked.push(id);
    return { data: "yes", usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5 }, costUsd: 0 };
  }
}

describe("a bundle that is run as a whole", () => {
  const run = (orchestrator: ReliableOrchestrator, tool: Whole) =>
    orchestrator.run({ tool, request: {}, toolOptions: { k: 2 }, options: { idempotencyKey: "key" } });

  test("is not charged again for what an earlier run had journaled", async () => {
    const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState() });
    const tool = new Whole([401]);
    const first = await run(orchestrator, tool);
    expect([first.status, first.usage.totalTokens]).toEqual(["failed", 10]);
    const second = await run(orchestrator, tool);
    expect([second.status, second.usage.totalTokens]).toEqual(["completed", 0]);
    expect(second.metadata.journaledUsage).toMatchObject({ totalTokens: 10 });
    expect(tool.asked).toEqual(["r1", "r2"]);
  });

  test("asks only for the rest when it is tried again, and counts what it had paid for as its own", async () => {
    const reliabilityConfig = { initialDelayMs: 0 };
    const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState(), reliabilityConfig });
    const tool = new Whole([503, 503]);
    const output = await run(orchestrator, tool);
    expect([output.status, output.usage.totalTokens]).toEqual(["completed", 10]);
    expect(output.metadata.journaledUsage).toBeUndefined();
    expect(tool.asked).toEqual(["r1", "r2"]);
  });
});
