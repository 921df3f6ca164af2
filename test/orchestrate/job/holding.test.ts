import { describe, expect, test } from "vitest";
import { StoreError } from "../../../src/contract/errors.ts";
import { hasEvidence, type OrchestrationOutput } from "../../../src/contract/output.ts";
import { seededRandom } from "../../../src/core/random.ts";
import { Orchestrator } from "../../../src/orchestrate/orchestrator.ts";
import { ReliableOrchestrator } from "../../../src/orchestrate/reliable-orchestrator.ts";
import { ReliabilityState } from "../../../src/orchestrate/state.ts";
import { createFakeClock, type FakeClock } from "../../../src/testing/fake-clock.ts";
import { scriptedModel } from "../../../src/testing/scripted-model.ts";
import { defineTool } from "../../../src/tool/define-tool.ts";
import { PromptBundleTool } from "../../../src/tool/prompt/prompt-bundle-tool.ts";
import { httpError, play, statuses } from "./scene.ts";

function reliable(clock: FakeClock, more: object = {}): ReliableOrchestrator {
  return new ReliableOrchestrator({ clock, random: seededRandom(7), state: new ReliabilityState({ clock }), ...more });
}

async function drain<R>(results: AsyncIterable<R>): Promise<{ results: R[]; error: any }> {
  const all: R[] = [];
  try {
    for await (const result of results) all.push(result);
  } catch (error) {
    return { results: all, error };
  }
  return { results: all, error: undefined };
}

describe("a job that holds its inputs", () => {
  test("ends at once when its signal aborts, and leaves no timer", async () => {
    const clock = createFakeClock();
    const stop = new AbortController();
    const tool = defineTool({ name: "down", provider: "acme", execute: () => Promise.reject(httpError(500)) });
    const requests = Array.from({ length: 100 }, (_, index) => index);
    const running = drain(reliable(clock).runMany({ tool, requests, signal: stop.signal }));
    await clock.advance(120_000);
    expect(clock.pending).toBeGreaterThan(0);
    stop.abort(new Error("enough"));
    const { error } = await running;
    expect(error).toMatchObject({ code: "CANCELLED", cause: { message: "enough" } });
    expect(clock.pending).toBe(0);
  });

  test("leaves no timer when its loop is left", async () => {
    const clock = createFakeClock();
    const tool = defineTool({
      name: "down",
      provider: "acme",
      execute: (input: number) => (input === 0 ? "first" : Promise.reject(httpError(500))),
    });
    for await (const _ of reliable(clock).runMany({ tool, requests: [0, 1, 2, 3] })) break;
    await clock.advance(0);
    expect(clock.pending).toBe(0);
  });

  test.each([
    ["without a Retry-After", {}],
    ["with a Retry-After of an hour", { "retry-after": "3600" }],
  ])("gives up in time where every call is refused for its rate, %s", async (_, headers) => {
    const ended = await play({
      giveUpAfterMs: 60_000,
      answer: (input) => {
        if (input < 20) return input;
        throw httpError(429, headers as Record<string, string>);
      },
    });
    expect(ended.error).toMatchObject({ reason: "gave_up", message: expect.stringContaining("429") });
    expect(ended.outputs.size).toBeGreaterThanOrEqual(20);
    const lastAnswerMs = Math.max(...ended.calls.filter(({ isRefused }) => !isRefused).map(({ atMs }) => atMs));
    expect(ended.endedMs - lastAnswerMs).toBeLessThan(70_000);
    expect(ended.pending).toBe(0);
  });

  test.each([
    ["after an answer", (_tries: number) => "answer"],
    ["after a failure of its own", (tries: number) => Promise.reject(httpError(tries === 1 ? 503 : 400))],
  ])("counts no time in which its source has nothing, %s", async (_, first) => {
    const clock = createFakeClock();
    const tries: number[] = [];
    const tool = defineTool({
      name: "asks",
      provider: "acme",
      execute(input: number) {
        const count = (tries[input] ?? 0) + 1;
        tries[input] = count;
        if (input === 0) return first(count);
        return count === 1 ? Promise.reject(httpError(503)) : "late answer";
      },
    });
    async function* requests() {
      yield 0;
      await clock.sleep(7_200_000);
      yield 1;
    }
    const statuses: string[] = [];
    const loop = async () => {
      for await (const done of reliable(clock).runMany({ tool, requests: requests(), giveUpAfterMs: 60_000 }))
        statuses.push("output" in done ? done.output.status : "rejected");
    };
    const ended = loop();
    await clock.runAll();
    await ended;
    expect(statuses.at(-1)).toBe("completed");
    expect(statuses).toHaveLength(2);
  });

  test("takes no more from its source than it may hold", async () => {
    let taken = 0;
    function* requests() {
      for (; taken < 10_000; taken++) yield taken;
    }
    const ended = await play({
      requests: requests(),
      concurrency: 5,
      giveUpAfterMs: 60_000,
      answer: () => {
        throw httpError(500);
      },
    });
    expect(ended.error).toMatchObject({ reason: "gave_up" });
    expect(taken).toBeLessThan(20);
  });

  test("gives out results while its source is waited for, and asks held inputs again meanwhile", async () => {
    const clock = createFakeClock();
    let failures = 2;
    const tool = defineTool({
      name: "blinks",
      provider: "acme",
      execute: async (input: number) => {
        if (failures-- > 0) throw httpError(500);
        return input;
      },
    });
    async function* requests() {
      yield 1;
      await clock.sleep(3_600_000);
      yield 2;
    }
    const orchestrator = reliable(clock, { reliabilityConfig: { maxRetries: 0 } });
    const at: Record<number, number> = {};
    const loop = (async () => {
      for await (const { index } of orchestrator.runMany({ tool, requests: requests() })) at[index] = clock.now();
    })();
    await clock.runAll();
    await loop;
    expect(at[0]).toBeLessThan(10_000);
    expect(at[1]).toBe(3_600_000);
  });

  test("starts no run while its results are not taken, and does not count that time", async () => {
    const clock = createFakeClock();
    let calls = 0;
    const tool = defineTool({
      name: "blinks",
      provider: "acme",
      execute: async (input: number) => {
        if (++calls === 2) throw httpError(500);
        return input;
      },
    });
    const orchestrator = reliable(clock, { reliabilityConfig: { maxRetries: 0 } });
    const requests = [0, 1, 2, 3];
    const results = orchestrator.runMany({ tool, requests, concurrency: 1, giveUpAfterMs: 60_000 });
    const loop = (async () => {
      const indexes: number[] = [];
      for await (const { index } of results) {
        indexes.push(index);
        const callsBefore = calls;
        await clock.sleep(7_200_000);
        expect(calls).toBe(callsBefore);
      }
      return indexes;
    })();
    await clock.runAll();
    expect((await loop).toSorted()).toEqual(requests);
  });
});

describe("paid answers", () => {
  const tool = (script: Parameters<typeof scriptedModel>[0]) => {
    const model = scriptedModel(script);
    return {
      model,
      tool: new PromptBundleTool({
        name: "asks",
        model,
        prompt: "{{q}}",
        defaultOptions: { k: 4, stopping: "none", maxParallel: 1 },
      }),
    };
  };
  /** Two answers, four refusals, which open the circuit, and answers from then on. */
  const isAway = (index: number) => index >= 2 && index < 6;
  const reliabilityConfig = { circuitBreaker: { failureThreshold: 1, failureRatio: 0 } };
  const answer = { text: "yes", usage: { inputTokens: 10, outputTokens: 5 } };

  test("are kept from one try of an input to the next, and counted once", async () => {
    const clock = createFakeClock();
    const { model, tool: asks } = tool(({ index }) => (isAway(index) ? { status: 503 } : answer));
    const orchestrator = reliable(clock, { reliabilityConfig });
    const running = drain(orchestrator.runMany({ tool: asks, requests: [{ q: "?" }] }));
    await clock.runAll();
    const { results, error } = await running;
    expect(error).toBeUndefined();
    const { output } = results[0] as { output: OrchestrationOutput };
    expect(output.status).toBe("completed");
    if (!hasEvidence(output)) return expect.fail("no evidence");
    expect(output.content.evidenceBundle.replicates.map(({ valid }) => valid)).toEqual([true, true, true, true]);
    expect(output.usage).toMatchObject({ inputTokens: 40, outputTokens: 20 });
    expect(model.calls).toHaveLength(8);
  });

  test("count against the budget of the input in later tries", async () => {
    const clock = createFakeClock();
    const { tool: asks } = tool(({ index }) => (isAway(index) ? { status: 503 } : answer));
    const orchestrator = reliable(clock, { reliabilityConfig });
    const options = { budget: { tokens: 50 } };
    const running = drain(orchestrator.runMany({ tool: asks, requests: [{ q: "?" }], options }));
    await clock.runAll();
    const { output } = (await running).results[0] as { output: OrchestrationOutput };
    expect(output.usage.totalTokens).toBeLessThanOrEqual(50);
  });
});

describe("a job with several providers", () => {
  test("holds nothing while a fallback answers", async () => {
    const clock = createFakeClock();
    const primary = defineTool({ name: "primary", provider: "a", execute: () => Promise.reject(httpError(500)) });
    const backup = defineTool({ name: "backup", provider: "b", execute: async (input: number) => input });
    const orchestrator = reliable(clock, { reliabilityConfig: { maxRetries: 0 } });
    const requests = Array.from({ length: 50 }, (_, index) => index);
    const running = drain(orchestrator.runMany({ tool: primary, fallbackTools: [backup], requests }));
    await clock.runAll();
    const { results, error } = await running;
    expect({ count: results.length, error, endedMs: clock.now() }).toEqual({ count: 50, error: undefined, endedMs: 0 });
  });

  test("does not end for the key of one, while another may come back", async () => {
    const clock = createFakeClock();
    const primary = defineTool({ name: "primary", provider: "a", execute: () => Promise.reject(httpError(401)) });
    const backup = defineTool({
      name: "backup",
      provider: "b",
      execute: async (input: number) => {
        if (clock.now() < 100_000) throw httpError(503);
        return input;
      },
    });
    const running = drain(reliable(clock).runMany({ tool: primary, fallbackTools: [backup], requests: [1, 2, 3] }));
    await clock.runAll();
    const { results, error } = await running;
    expect(error).toBeUndefined();
    expect(results).toMatchObject([1, 2, 3].map(() => ({ output: { status: "completed" } })));
  });
});

describe("an input of which no try may be repeated", () => {
  test("has its result at once: what its own words or an own error say never passes", async () => {
    const failures = [httpError(400), new TypeError("a fault of one's own"), httpError(413)];
    const ended = await play({
      count: 3,
      answer: (input) => {
        throw failures[input];
      },
    });
    expect(statuses(ended)).toEqual({ failed: 3 });
    expect(ended.calls).toHaveLength(3);
  });

  test("has its result at once where its server says that a retry is of no use", async () => {
    const ended = await play({
      count: 5,
      answer: (input) => {
        if (input === 2) throw Object.assign(httpError(500), { isRetryable: false });
      },
    });
    expect(statuses(ended)).toEqual({ completed: 4, failed: 1 });
    expect(ended.calls).toHaveLength(5);
  });
});

describe("a deadline", () => {
  test("that passes while nothing is answered any more is waited out, and the inputs are asked again", async () => {
    const clock = createFakeClock();
    const tool = defineTool({
      name: "hangs",
      provider: "acme",
      async execute(input: number, _options, { signal }) {
        await clock.sleep(clock.now() > 2_000 && clock.now() < 300_000 ? 1e9 : 500, { signal });
        return input;
      },
    });
    const requests = Array.from({ length: 200 }, (_, index) => index);
    const running = drain(reliable(clock).runMany({ tool, requests, options: { timeoutMs: 30_000 } }));
    await clock.runAll();
    const { results, error } = await running;
    expect(error).toBeUndefined();
    expect(results.filter((done) => "output" in done && done.output.status === "completed")).toHaveLength(200);
  });

  test("that is too short for one input is that input's own", async () => {
    const clock = createFakeClock();
    const tool = defineTool({
      name: "slow",
      provider: "acme",
      async execute(input: number, _options, { signal }) {
        await clock.sleep(input === 7 ? 1e9 : 500, { signal });
        return input;
      },
    });
    const requests = Array.from({ length: 300 }, (_, index) => index);
    const running = drain(reliable(clock).runMany({ tool, requests, options: { timeoutMs: 5_000 } }));
    await clock.runAll();
    const { results } = await running;
    expect(results.filter((done) => "error" in done)).toMatchObject([{ index: 7, error: { code: "BUDGET_EXCEEDED" } }]);
  });
});

describe("runMany of a basic orchestrator", () => {
  test("waits for nothing, and refuses giveUpAfterMs", async () => {
    const tool = defineTool({ name: "down", execute: () => Promise.reject(httpError(500)) });
    const orchestrator = new Orchestrator();
    const { results } = await drain(orchestrator.runMany({ tool, requests: [1, 2] }));
    expect(results).toMatchObject([{ output: { status: "failed" } }, { output: { status: "failed" } }]);
    expect(() => orchestrator.runMany({ tool, requests: [], giveUpAfterMs: 5 })).toThrow(
      /needs a ReliableOrchestrator/,
    );
  });
});

describe("giveUpAfterMs", () => {
  test.each([-1, Number.NaN, "30m", null])("%s is refused before anything is taken", (giveUpAfterMs) => {
    const tool = defineTool({ name: "any", execute: () => 1 });
    const all = () => new ReliableOrchestrator().runMany({ tool, requests: [1], giveUpAfterMs: giveUpAfterMs as any });
    expect(all).toThrow(/giveUpAfterMs/);
  });
});

describe("a store that is away", () => {
  test("is no reason to fail an input", async () => {
    const away = new StoreError({
      store: "own",
      operation: "claim",
      reason: "unavailable",
      advice: "Wait.",
      what: "it restarts",
    });
    const ended = await play({
      count: 20,
      answer: (_input, nowMs) => {
        if (nowMs < 30_000) throw away;
      },
    });
    expect(statuses(ended)).toEqual({ completed: 20 });
  });
});
