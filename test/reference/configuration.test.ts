/** Defaults as a run shows them, not as a page says them. */
import { describe, expect, test } from "vitest";
import {
  type BundleOptions,
  BundleTool,
  createEvidenceBundle,
  defineTool,
  Orchestrator,
  ReliableOrchestrator,
  type ResolvedBundleOptions,
  unwrap,
} from "../../src/index.ts";
import { type ReliabilityConfig, ReliabilityState } from "../../src/reliability.ts";
import { createFakeClock } from "../../src/testing.ts";
import { Answers, eventLog, httpError, rejection } from "./support.ts";

/** Shows what a bundle tool is given. */
class Shown extends BundleTool<object, string> {
  readonly name = "shown";
  override readonly defaultOptions: BundleOptions | undefined;
  given: ResolvedBundleOptions | undefined;

  constructor(defaultOptions?: BundleOptions) {
    super();
    this.defaultOptions = defaultOptions;
  }

  override async executeBundle(_request: object, options: ResolvedBundleOptions) {
    this.given = options;
    return createEvidenceBundle<string>({ task: this.name, replicates: [], options });
  }
}

async function resolved(toolOptions?: BundleOptions, defaults?: BundleOptions, request: object = {}) {
  const tool = new Shown(defaults);
  await new Orchestrator().run({ tool, request, toolOptions });
  return tool.given as ResolvedBundleOptions;
}

describe("BundleOptions, as a tool gets them", () => {
  test("k = 3, epsilon = 0.2, stopping = auto, maxParallel = 10, a seed for each replicate, nothing else", async () => {
    const { seeds, ...others } = await resolved();
    expect(others).toEqual({ k: 3, epsilon: 0.2, stopping: "auto", maxParallel: 10, resample: "objects" });
    expect(new Set(seeds).size).toBe(3);
  });

  test("seeds are given, or follow from the request: equal requests have equal seeds, others have others", async () => {
    expect((await resolved({ seeds: [5, 6, 7] })).seeds).toEqual([5, 6, 7]);
    const [one, same, other] = [
      await resolved({}, {}, { a: 1, b: 2 }),
      await resolved({}, {}, { b: 2, a: 1 }),
      await resolved({}, {}, { a: 2, b: 2 }),
    ];
    expect(same.seeds).toEqual(one.seeds);
    expect(other.seeds).not.toEqual(one.seeds);
  });

  test("epsilon without stopping selects the epsilon rule, wherever it is given", async () => {
    expect(await resolved({ epsilon: 0.1 })).toMatchObject({ stopping: "epsilon", epsilon: 0.1 });
    expect(await resolved({}, { epsilon: 0.1 })).toMatchObject({ stopping: "epsilon", epsilon: 0.1 });
    expect(await resolved({ epsilon: 0.1, stopping: "none" })).toMatchObject({ stopping: "none" });
  });

  test("those of the run win over the tool's own, which win over the defaults; undefined is not given", async () => {
    expect(await resolved({ k: 5, maxParallel: undefined }, { k: 4, maxParallel: 2 })).toMatchObject({
      k: 5,
      maxParallel: 2,
      epsilon: 0.2,
    });
  });

  test("fewer seeds than replicates are refused", async () => {
    expect((await rejection(resolved({ k: 3, seeds: [1, 2] }))).issues[0].path).toBe("toolOptions.seeds");
  });
});

describe("BundleOptions at work", () => {
  test("epsilon stops two equal answers at once, and k bounds those that never agree", async () => {
    for (const [answers, asked] of [
      [["same"], 2],
      [["a", "b", "c", "d", "e"], 5],
    ] as const) {
      const tool = new Answers(answers);
      await new Orchestrator().run({ tool, request: {}, toolOptions: { k: 5, epsilon: 0 } });
      expect(tool.asked).toHaveLength(asked);
    }
  });

  test("perReplicateBudget bounds each answer, and globalBudget all of them", async () => {
    const run = async (toolOptions: BundleOptions) => {
      const tool = new Answers(["x"]);
      const output = await new Orchestrator().run({
        tool,
        request: {},
        toolOptions: { stopping: "none", ...toolOptions },
      });
      return [output.status, tool.asked.length];
    };
    const perReplicateBudget = { tokens: 5 };
    expect(await run({ k: 5, perReplicateBudget })).toEqual(["completed", 5]);
    expect(await run({ k: 5, perReplicateBudget, globalBudget: { tokens: 12 } })).toEqual(["partial", 2]);
  });
});

describe("ReliabilityConfig, as failing calls show it", () => {
  async function fail(reliabilityConfig: ReliabilityConfig = {}, error: () => Error = () => httpError(503)) {
    const clock = createFakeClock();
    const log = eventLog();
    const random = { next: () => 0.25 };
    const tool = defineTool({ name: "t", execute: (_request: object) => Promise.reject(error()) });
    const run = new ReliableOrchestrator({ clock, random, reliabilityConfig }).run({
      tool,
      request: {},
      onEvent: log.onEvent,
    });
    await clock.runAll();
    const output = await run;
    const delays = log.events.flatMap((event) => (event.type === "retry_scheduled" ? [event.delayMs] : []));
    return { delays, output };
  }

  test("maxRetries = 3, initialDelayMs = 1000, exponentialBase = 2", async () => {
    const { delays, output } = await fail({ jitter: false });
    expect(delays).toEqual([1000, 2000, 4000]);
    expect(output.errors?.["t"]?.attempts).toBe(4);
  });

  test("jitter = true: a uniform part of each delay", async () => {
    expect((await fail()).delays).toEqual([250, 500, 1000]);
  });

  test("maxDelayMs = 60000 and maxTotalDelayMs = 300000", async () => {
    const { delays, output } = await fail({ jitter: false, maxRetries: 50 });
    expect(Math.max(...delays)).toBe(60_000);
    const totalMs = delays.reduce((sum, delay) => sum + delay, 0);
    expect(totalMs).toBeLessThanOrEqual(300_000);
    expect(totalMs).toBeGreaterThan(240_000);
    expect(output.errors?.["t"]?.message).toContain("maxTotalDelayMs = 300000 ms");
  });

  test("idempotencyTtlMs = 3600000: a key is replayed for an hour, and then runs again", async () => {
    const clock = createFakeClock();
    let executions = 0;
    const tool = defineTool({ name: "t", execute: (_request: object) => ++executions });
    const orchestrator = new ReliableOrchestrator({ clock });
    const run = async () => unwrap(await orchestrator.run({ tool, request: {}, options: { idempotencyKey: "k" } }));
    await run();
    await clock.advance(3_599_999);
    expect(await run()).toBe(1);
    await clock.advance(2);
    expect(await run()).toBe(2);
  });

  test("circuitBreaker: opens at 5 failures within 60 s, for 60 s; 3 probes, closed by 2", async () => {
    const clock = createFakeClock();
    const state = new ReliabilityState({ clock });
    const orchestrator = new ReliableOrchestrator({ clock, state, reliabilityConfig: { maxRetries: 0 } });
    let isUp = false;
    const startedAtMs: number[] = [];
    const tool = defineTool({
      name: "t",
      async execute(_request: object, _options, context) {
        startedAtMs.push(context.clock.now());
        await context.clock.sleep(1);
        if (!isUp) throw httpError(503);
      },
    });
    const run = async (count: number) => {
      const runs = Array.from({ length: count }, () => orchestrator.run({ tool, request: {} }));
      await clock.advance(2);
      return (await Promise.all(runs)).map(({ errors }) => errors?.["t"]?.category ?? "ok");
    };
    const kind = () => state.breakers()["tool:t"];
    await run(4);
    await clock.advance(66_001);
    await run(4);
    expect(kind()).toBe("closed");
    await run(1);
    expect(kind()).toBe("open");
    await clock.advance(59_990);
    expect(await run(1)).toEqual(["circuit_open"]);
    isUp = true;
    await clock.advance(10);
    expect(kind()).toBe("half_open");
    const nowMs = clock.now();
    expect(await run(4)).toEqual(["ok", "ok", "ok", "ok"]);
    expect(startedAtMs.slice(-4)).toEqual([nowMs, nowMs, nowMs, nowMs + 1]);
    expect(kind()).toBe("closed");
  });
});
