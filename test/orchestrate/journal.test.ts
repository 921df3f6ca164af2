import { describe, expect, test } from "vitest";
import {
  BundleTool,
  ReliableOrchestrator,
  type ReplicateSpec,
  type ResolvedBundleOptions,
  type ToolContext,
} from "../../src/index.ts";
import { createClaimJournal } from "../../src/orchestrate/journal.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { sampleReplicate, win } from "../../src/testing/store-conformance/law.ts";

const fail = (error: unknown) => {
  throw error;
};

async function journalOf(store: MemoryStore) {
  const { token, replicates } = await win(store, "key");
  return { journal: createClaimJournal(store, token, replicates, fail), token };
}

describe("the journal of a claim", () => {
  test("finds a replicate for the tool that had asked for it, and for no other with the same seeds", async () => {
    const store = new MemoryStore();
    const { journal, token } = await journalOf(store);
    await journal.append("first", sampleReplicate());
    await store.release(token);
    const { journal: later } = await journalOf(store);
    expect(later.find("second", "r1", 100)).toBeUndefined();
    expect(later.find("first", "r1", 101)).toBeUndefined();
    expect(later.find("first", "r1", 100)).toEqual(sampleReplicate());
  });

  test("counts what an earlier run has paid once, however often it is found, and nothing that this one pays", async () => {
    const store = new MemoryStore();
    const { journal, token } = await journalOf(store);
    await journal.append("tool", sampleReplicate(0));
    await store.release(token);
    const { journal: later } = await journalOf(store);
    expect(later.journaledUsage).toBeUndefined();
    await later.append("tool", sampleReplicate(1));
    for (let again = 0; again < 3; again++)
      for (const index of [0, 1])
        expect(later.find("tool", `r${index + 1}`, 100 + index)).toEqual(sampleReplicate(index));
    expect(later.journaledUsage?.totalTokens).toBe(15);
  });
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
    expect(second.metadata["journaledUsage"]).toMatchObject({ totalTokens: 10 });
    expect(tool.asked).toEqual(["r1", "r2"]);
  });

  test("asks only for the rest when it is tried again, and counts what it had paid for as its own", async () => {
    const reliabilityConfig = { initialDelayMs: 0 };
    const orchestrator = new ReliableOrchestrator({ state: new ReliabilityState(), reliabilityConfig });
    const tool = new Whole([503, 503]);
    const output = await run(orchestrator, tool);
    expect([output.status, output.usage.totalTokens]).toEqual(["completed", 10]);
    expect(output.metadata["journaledUsage"]).toBeUndefined();
    expect(tool.asked).toEqual(["r1", "r2"]);
  });
});
