import { describe, expect, test } from "vitest";
import { defineTool, PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { createFakeClock, scriptedModel } from "../../src/testing.ts";

const idempotencyTtlMs = 60_000;

function failingWith(facts: object) {
  const clock = createFakeClock();
  const orchestrator = new ReliableOrchestrator({
    clock,
    store: new MemoryStore({ clock }),
    reliabilityConfig: { idempotencyTtlMs, maxRetries: 0, circuitBreaker: { failureThreshold: 100 } },
  });
  let calls = 0;
  const tool = defineTool({
    name: "failing",
    execute() {
      calls++;
      return Promise.reject(Object.assign(new Error("no"), facts));
    },
  });
  const run = () => orchestrator.run({ tool, request: {}, options: { idempotencyKey: "key" } });
  return { run, clock, calls: () => calls };
}

describe("a failure that the request itself fixes", () => {
  test.each([
    ["invalid_request", { statusCode: 400 }],
    ["context_length", { statusCode: 400, code: "context_length_exceeded" }],
    ["context_length", { statusCode: 413 }],
  ])("is kept for idempotencyTtlMs, and not called for again (%s)", async (category, facts) => {
    const { run, clock, calls } = failingWith(facts);
    const first = await run();
    expect(first).toMatchObject({ status: "failed", errors: { failing: { category } } });
    await clock.advance(idempotencyTtlMs - 1);
    expect(await run()).toEqual({ ...first, metadata: { ...first.metadata, replayed: true } });
    expect(calls()).toBe(1);
    await clock.advance(1);
    expect((await run()).metadata.replayed).toBeUndefined();
    expect(calls()).toBe(2);
  });
});

test.each([
  ["authentication", { statusCode: 401 }],
  ["content_filter", { code: "content_filter" }],
  ["quota_exhausted", { statusCode: 402 }],
  ["rate_limit", { statusCode: 429 }],
  ["server_error", { statusCode: 500 }],
  ["network", { code: "ECONNRESET" }],
  ["unknown", {}],
  ["unknown", { statusCode: 409 }],
  ["unknown", { statusCode: 423 }],
  ["unknown", { statusCode: 409, isRetryable: true }],
  ["invalid_request", { statusCode: 400, isRetryable: true }],
])("any other failure gives its key back: the next run calls again (%s)", async (category, facts) => {
  const { run, clock, calls } = failingWith(facts);
  expect(await run()).toMatchObject({ status: "failed", errors: { failing: { category } } });
  const again = run();
  // After a refusal for the rate, the next call waits for its turn.
  await clock.runAll();
  expect((await again).metadata.replayed).toBeUndefined();
  expect(calls()).toBe(2);
});

test("agents belong to what a key stands for", async () => {
  const orchestrator = new ReliableOrchestrator({ store: new MemoryStore(), clock: createFakeClock() });
  const run = (prompt: string) => {
    const agents = [{ name: "first", prompt, model: "simulated:any" }];
    return orchestrator.run({ request: "?", agents, options: { idempotencyKey: "key" } });
  };
  await run("Say yes.");
  expect((await run("Say yes.")).metadata.replayed).toBe(true);
  await expect(run("Say no.")).rejects.toMatchObject({ code: "CONFLICT", reason: "fingerprint" });
});

test("the confidence that a caller wants is held against an output that it joins or that is kept, and against no one else's", async () => {
  const orchestrator = new ReliableOrchestrator({ store: new MemoryStore(), clock: createFakeClock() });
  let answers = 0;
  const tool = new PromptBundleTool({ name: "t", prompt: "?", model: scriptedModel(() => ({ text: `${answers++}` })) });
  const run = async (minConfidence?: number) => {
    const warned: unknown[] = [];
    const { metadata } = await orchestrator.run({
      tool,
      request: {},
      options: { idempotencyKey: "key", qualityRequirements: { minConfidence } },
      onEvent: (event) => event.type === "warning" && warned.push(event["code"]),
    });
    return { isBelow: metadata["belowMinConfidence"], warned };
  };
  const below = { isBelow: true, warned: ["low_confidence"] };
  const notAsked = { isBelow: undefined, warned: [] };
  expect(await Promise.all([run(0.8), run(), run(0.8)])).toEqual([below, notAsked, below]);
  expect([await run(), await run(0.8), await run(0)]).toEqual([notAsked, below, notAsked]);
});
