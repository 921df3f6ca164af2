/** 8. Knobs that did nothing: each option of a run, a bundle and of reliability changes what a run does. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  type BundleToolOptions,
  defineTool,
  type LanguageModelLike,
  type OrchestrationConfig,
  type OrchestrationEvent,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
  SteerLLMClient,
  StoreError,
} from "../../src/index.ts";
import { type ReliabilityConfig, ReliabilityState } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { createFakeClock, scriptedModel, seededRandom } from "../../src/testing.ts";
import { storeWith } from "../orchestrate/store-with.ts";
import { eventLog, httpError } from "../reference/support.ts";

/** What a run did: how it ended, what it reported and when, leaving out what differs by chance. */
async function observe(
  run: (world: ReturnType<typeof createWorld>) => Promise<{ status: string; content: unknown; metadata: object }>,
): Promise<unknown> {
  const world = createWorld();
  const end = run(world).then(
    ({ status, content, metadata }) => ({ status, content, metadata }),
    (error) => ({ error: error.message }),
  );
  await world.clock.runAll();
  return JSON.parse(JSON.stringify({ end: await end, events: world.events.map(withoutIds), at: world.clock.now() }));
}

function createWorld() {
  const clock = createFakeClock();
  return { clock, ...eventLog() };
}

function withoutIds({ type, timestamp, ...event }: OrchestrationEvent): object {
  const { requestId, traceId, output: _output, ...rest } = event as unknown as Record<string, unknown>;
  return { type, timestamp, isNamed: requestId === "mine", isTraced: traceId === "mine", ...rest };
}

const objects = [
  { a: 1, b: "x" },
  { a: 1.001, b: "x" },
  { a: 1, b: "y" },
];
describe("options of a run (OrchestrationConfig)", () => {
  const knobs = {
    maxParallel: 1,
    timeoutMs: 500,
    budget: { tokens: 5 },
    streaming: true,
    metadata: { team: "search" },
    idempotencyKey: "key",
    traceId: "mine",
    requestId: "mine",
    qualityRequirements: { minConfidence: 1 },
    review: { below: 1 },
    redact: (event: OrchestrationEvent) => ({ ...event, message: "hidden" }) as OrchestrationEvent,
  } satisfies Required<OrchestrationConfig>;

  const run = (options: OrchestrationConfig) =>
    observe(async ({ clock, onEvent }) => {
      const model = scriptedModel(async ({ index }) => {
        await clock.sleep(1000);
        return { text: `word ${index % 2}`, usage: { inputTokens: 5, outputTokens: 5 } };
      });
      const tool = new PromptBundleTool({ name: "t", model, prompt: "x", maxOutputTokens: 5 });
      const orchestrator = new ReliableOrchestrator({ clock });
      await orchestrator.run({ tool, request: {}, options, onEvent });
      return orchestrator.run({ tool, request: {}, options, onEvent });
    });

  test.each(Object.entries(knobs))("%s", async (name, value) => {
    // A review is kept under a key.
    const needed = name === "review" ? { idempotencyKey: "key" } : {};
    const plain = await run(needed);
    expect(await run(needed)).toEqual(plain);
    expect(await run({ ...needed, [name]: value })).not.toEqual(plain);
  });
});

describe("options of a bundle (BundleOptions)", () => {
  const uri = "test://every-knob.json";
  new SteerLLMClient().registerSchema(uri, { type: "object", required: ["c"] });
  const strong = scriptedModel(() => ({ object: { a: 7, b: "strong" } }), { modelId: "strong" });
  const knobs = {
    k: 2,
    seeds: [1, 2, 3],
    epsilon: 0.9,
    stopping: "none",
    schemaUri: uri,
    maxParallel: 1,
    perReplicateBudget: { timeMs: 500 },
    globalBudget: { timeMs: 500 },
    compare: { tolerance: 0.01 },
    fields: ["/a"],
    escalate: { below: 1, to: [strong] },
    resample: "fields",
  } satisfies Required<BundleToolOptions>;

  const run = (toolOptions: BundleToolOptions) =>
    observe(async ({ clock, onEvent }) => {
      const answers = [objects[0], objects[2], objects[1], objects[0]];
      const model = scriptedModel(async ({ index, signal }) => {
        await clock.sleep(1000, { signal });
        return { object: answers[index % 4] };
      });
      const schema = z.object({ a: z.number(), b: z.string() });
      const tool = new PromptBundleTool({
        name: "t",
        model,
        prompt: "x",
        ...("schemaUri" in toolOptions ? {} : { schema }),
      });
      return new Orchestrator({ clock }).run({ tool, request: {}, toolOptions: { k: 6, ...toolOptions }, onEvent });
    });

  test.each(Object.entries(knobs))("%s", async (name, value) => {
    const plain = await run({});
    expect(await run({})).toEqual(plain);
    expect(await run({ [name]: value })).not.toEqual(plain);
  });
});

describe("options of reliability (ReliabilityConfig)", () => {
  const busy = () => Promise.reject(httpError(503));
  const failing = defineTool({ name: "t", execute: (_request: object) => busy() });
  type World = ReturnType<typeof createWorld>;

  /** Eight runs of a tool that always fails, and one after a minute. */
  const failures = (reliabilityConfig: ReliabilityConfig, { clock, onEvent }: World) => {
    const orchestrator = new ReliableOrchestrator({ clock, random: { next: () => 0.5 }, reliabilityConfig });
    return inTurn(9, async (index) => {
      if (index === 8) await clock.sleep(45_000);
      return orchestrator.run({ tool: failing, request: {}, onEvent });
    });
  };

  /** Failures long ago, a few successes, failures that open the circuit, and then a provider that is up again. */
  const recovery = async (reliabilityConfig: ReliabilityConfig, { clock, onEvent }: World) => {
    const outcomes = ["fail", "fail", "wait", "ok", "ok", "ok", "fail", "fail", "fail", "wait", "ok", "wait"];
    const tool = defineTool({
      name: "t",
      async execute(request: { outcome: string }, _options, context) {
        await context.clock.sleep(10);
        return request.outcome === "fail" ? busy() : "ok";
      },
    });
    const config = { maxRetries: 0, ...reliabilityConfig };
    const orchestrator = new ReliableOrchestrator({ clock, reliabilityConfig: config });
    const run = (outcome: string) => orchestrator.run({ tool, request: { outcome }, onEvent });
    for (const outcome of outcomes) {
      if (outcome === "wait") await clock.sleep(40_000);
      else await run(outcome);
    }
    const probes = await Promise.all(Array.from({ length: 4 }, () => run("ok")));
    return probes[3] as Awaited<ReturnType<typeof run>>;
  };

  /** A streamed answer whose chunks are slow. */
  const streamed = (reliabilityConfig: ReliabilityConfig, { clock, onEvent }: World) => {
    const model = slowStream((ms) => clock.sleep(ms));
    const tool = new PromptBundleTool({ name: "t", model, prompt: "x", defaultOptions: { k: 1 } });
    return new ReliableOrchestrator({ clock, reliabilityConfig }).run({
      tool,
      request: {},
      options: { streaming: true },
      onEvent,
    });
  };

  /** Two processes that want the same key at the same time, and a third one two hours later. */
  const keyed = (reliabilityConfig: ReliabilityConfig, { clock, onEvent }: World) => {
    const store = new MemoryStore({ clock });
    const tool = defineTool({
      name: "t",
      async execute(_request: object, _options, context) {
        await context.clock.sleep(100);
        return clock.now();
      },
    });
    const run = () =>
      new ReliableOrchestrator({ store, clock, state: new ReliabilityState({ clock }), reliabilityConfig }).run({
        tool,
        request: {},
        options: { idempotencyKey: "k" },
        onEvent,
      });
    return inTurn(2, async (index) => {
      if (index === 0) return (await Promise.all([run(), run()]))[1];
      await clock.sleep(7_200_000);
      return run();
    });
  };

  /** A process whose store is closed. */
  const storeless = async (reliabilityConfig: ReliabilityConfig, { clock, onEvent }: World) => {
    const store = new MemoryStore({ clock });
    await store.close();
    const tool = defineTool({ name: "t", execute: (_request: object) => 1 });
    const orchestrator = new ReliableOrchestrator({ store, clock, reliabilityConfig });
    return orchestrator.run({ tool, request: {}, options: { idempotencyKey: "k" }, onEvent });
  };

  /** A store that cannot be reached for ten seconds. */
  const unreachable = async (reliabilityConfig: ReliabilityConfig, { clock, onEvent }: World) => {
    const inner = new MemoryStore({ clock });
    const away = new StoreError({ store: "test", operation: "claim", reason: "unavailable", advice: "" });
    const claim: MemoryStore["claim"] = async (...claim) => {
      if (clock.now() < 10_000) throw away;
      return inner.claim(...claim);
    };
    const store = storeWith(() => ({ claim }), inner);
    const random = seededRandom(1);
    const tool = defineTool({ name: "t", execute: (_request: object) => 1 });
    const orchestrator = new ReliableOrchestrator({ store, clock, random, reliabilityConfig });
    return orchestrator.run({ tool, request: {}, options: { idempotencyKey: "k" }, onEvent });
  };

  /** A claim whose owner is gone, and how long it takes until somebody takes over. */
  const abandoned = async (reliabilityConfig: ReliabilityConfig, { clock, onEvent }: World) => {
    const store = new MemoryStore({ clock });
    const tool = defineTool({ name: "t", execute: (_request: object) => 1 });
    const process = (kept: MemoryStore) =>
      new ReliableOrchestrator({ store: kept, clock, state: new ReliabilityState({ clock }), reliabilityConfig });
    const crashed = Object.assign(Object.create(store) as MemoryStore, {
      claim: store.claim.bind(store),
      renew: () => new Promise(() => {}),
      settle: () => new Promise(() => {}),
    });
    const options = { idempotencyKey: "k" };
    // It ends once it has lost its lease, where nobody is left to hear of it.
    process(crashed)
      .run({ tool, request: {}, options })
      .catch(() => {});
    await clock.sleep(10);
    return process(store).run({ tool, request: {}, options, onEvent });
  };

  type Scene = (config: ReliabilityConfig, world: World) => Promise<any>;
  const knobs = {
    maxRetries: [failures, 1],
    initialDelayMs: [failures, 10],
    maxDelayMs: [failures, 500],
    exponentialBase: [failures, 1],
    jitter: [failures, false],
    maxTotalDelayMs: [failures, 100],
    circuitBreaker: [failures, { failureThreshold: 2 }],
    circuitBreakers: [failures, { "tool:t": { openMs: 1000 } }],
    attemptTimeoutMs: [streamed, 10],
    firstChunkTimeoutMs: [streamed, 10],
    chunkTimeoutMs: [streamed, 10],
    idempotencyTtlMs: [keyed, 86_400_000],
    onInFlight: [keyed, "reject"],
    onStoreError: [storeless, "run_unprotected"],
    storeRetryMs: [unreachable, 5_000],
    leaseMs: [abandoned, 1000],
  } satisfies Record<keyof Required<ReliabilityConfig>, [Scene, unknown]>;

  test.each(Object.entries(knobs))("%s", async (name, [scene, value]) => {
    const plain = await observe((world) => scene({}, world));
    expect(await observe((world) => scene({}, world))).toEqual(plain);
    expect(await observe((world) => scene({ [name]: value }, world))).not.toEqual(plain);
  });

  const breakerKnobs = {
    failureThreshold: 3,
    failureRatio: 1,
    windowMs: 10_000,
    openMs: 20_000,
    halfOpenRequests: 2,
    successThreshold: 1,
  } satisfies Required<NonNullable<ReliabilityConfig["circuitBreaker"]>>;

  test.each(Object.entries(breakerKnobs))("circuitBreaker.%s", async (name, value) => {
    const plain = await observe((world) => recovery({}, world));
    expect(await observe((world) => recovery({}, world))).toEqual(plain);
    expect(await observe((world) => recovery({ circuitBreaker: { [name]: value } }, world))).not.toEqual(plain);
  });
});

/** Runs one after the other; the last one's output. */
async function inTurn<R>(count: number, run: (index: number) => Promise<R>): Promise<R> {
  for (let index = 0; index < count - 1; index++) await run(index);
  return run(count - 1);
}

/** A model whose first chunk takes a second, and each further one half a second. */
function slowStream(sleep: (ms: number) => Promise<void>): LanguageModelLike {
  const model = scriptedModel(() => ({ text: "one two three" }));
  return {
    ...model,
    async doStream(options) {
      const { stream } = await model.doStream(options);
      return { stream: ReadableStream.from(slowDown(stream, sleep)) };
    },
  };
}

async function* slowDown(parts: AsyncIterable<{ type: string }>, sleep: (ms: number) => Promise<void>) {
  let delayMs = 1000;
  for await (const part of parts) {
    if (part.type === "text-delta") {
      await sleep(delayMs);
      delayMs = 500;
    }
    yield part;
  }
}
