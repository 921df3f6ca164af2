import { describe, expect, test } from "vitest";
import { runJob } from "../../bench/pacing/job.ts";
import {
  atRandom,
  bucket,
  concurrent,
  fixedWindow,
  type LimitedServer,
  slidingWindow,
} from "../../bench/pacing/servers.ts";
import { AdaptiveRate, AdaptiveRates } from "../../src/guard/adaptive-rate.ts";
import { Lane, LaneQueue } from "../../src/guard/lanes.ts";
import { ReliableOrchestrator } from "../../src/orchestrate/reliable-orchestrator.ts";
import { ReliabilityState } from "../../src/orchestrate/state.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { defineTool } from "../../src/tool/define-tool.ts";
import { call, httpError, script, setUp, stateOf } from "./set-up.ts";
import { mostWithin } from "./virtual-time.ts";

describe("without limits given", () => {
  test("calls start at once and no timer is set, as long as none is refused for its rate", async () => {
    const { guard, clock } = setUp();
    const starts: number[] = [];
    await Promise.all(Array.from({ length: 1_000 }, () => guard(call(() => starts.push(clock.now())))));
    await guard(script([Object.assign(new Error("bad"), { status: 400 })]));
    expect(new Set(starts)).toEqual(new Set([0]));
    expect(clock.pending).toBe(0);
  });

  const twentyASecond: readonly (readonly [string, () => LimitedServer])[] = [
    ["in any second", () => slidingWindow(20, 1_000, 50)],
    ["in each second", () => fixedWindow(20, 1_000, 50)],
    ["in any second, with Retry-After", () => slidingWindow(20, 1_000, 50, true)],
    ["in each second, with Retry-After", () => fixedWindow(20, 1_000, 50, true)],
    ["in any second, with slow answers", () => slidingWindow(20, 1_000, 4_000)],
  ];
  test.each(twentyASecond)("a job finds a limit of 20 %s, and has little refused", async (_, server) => {
    const { answered, refused, tookMs, calls } = await runJob(server(), { concurrency: 60 });
    expect(answered).toBe(1_000);
    expect(refused / calls.length).toBeLessThan(0.08);
    expect(tookMs).toBeLessThan(110_000);
    const once = calls.filter(({ atMs }) => atMs > 5_000);
    expect(mostWithin(1_000, once)).toBeLessThanOrEqual(24);
  });

  const otherServers: readonly (readonly [LimitedServer, number])[] = [
    [bucket(500, 500 / 60, 1_000), 120_000],
    [bucket(60, 1, 1_000), 1_200_000],
    [fixedWindow(60, 60_000, 500), 1_500_000],
    [concurrent(5, 1_000), 500_000],
  ];
  test.each(otherServers.map(([server, ms]) => [server.name, server, ms] as const))(
    "a job finds a limit of %s",
    async (_, server, withinMs) => {
      const { answered, refused, tookMs, calls } = await runJob(server, { concurrency: 30 });
      expect(answered).toBe(1_000);
      expect(refused / calls.length).toBeLessThan(0.12);
      expect(tookMs).toBeLessThan(withinMs);
    },
  );

  const byChance: readonly (readonly [LimitedServer, number])[] = [
    [atRandom(0.01, 300), 30_000],
    [atRandom(0.1, 300), 180_000],
    [atRandom(0.1, 2_000, true), 450_000],
  ];
  test.each(byChance.map(([server, ms]) => [server.name, server, ms] as const))(
    "a job goes on while a server refuses %s: slower calls would be refused as often",
    async (_, server, withinMs) => {
      const { answered, tookMs } = await runJob(server, { concurrency: 30 });
      expect(answered).toBe(1_000);
      expect(tookMs).toBeLessThan(withinMs);
    },
  );

  test("a rate that holds nothing back any more is forgotten", () => {
    const rate = new AdaptiveRate();
    rate.started(0);
    rate.refused(0, 10, false);
    expect(rate.isLimited).toBe(true);
    for (let atMs = 2_000; atMs <= 62_000; atMs += 1_000) {
      rate.started(atMs);
      rate.answered(atMs, atMs + 100);
    }
    expect(rate.isLimited).toBe(false);
    expect(rate.lane.readyAtMs).toBeLessThanOrEqual(62_000);
  });

  test("a request that exceeds a limit by itself slows no other one down", async () => {
    const { guard } = setUp();
    const tooLarge = Object.assign(httpError(429), { isRetryable: false });
    expect(await guard(script([tooLarge]))).toMatchObject({ ok: false, attempts: 1 });
    expect(await stateOf(guard(call(() => "at once")))).toMatchObject({ ok: true, value: "at once" });
  });

  test("another model of the provider goes on while one is slowed down", async () => {
    const { guard } = setUp({ config: { maxRetries: 0 } });
    await guard(script([httpError(429)], { modelId: "large" }));
    expect(await stateOf(guard(call(() => "waits", { modelId: "large" })))).toBe("pending");
    expect(await stateOf(guard(call(() => "at once", { modelId: "small" })))).toMatchObject({ value: "at once" });
  });

  test("resetProvider lets calls go on at once", async () => {
    const clock = createFakeClock();
    const state = new ReliabilityState({ clock });
    const answers = [httpError(429), "late"];
    const tool = defineTool({
      name: "t",
      provider: "p",
      execute() {
        const answer = answers.shift();
        if (answer instanceof Error) throw answer;
        return answer;
      },
    });
    const orchestrator = new ReliableOrchestrator({ clock, state, reliabilityConfig: { maxRetries: 0 } });
    expect(await orchestrator.run({ tool, request: {} })).toMatchObject({ status: "failed" });
    const waiting = orchestrator.run({ tool, request: {} });
    await clock.advance(500);
    expect(await stateOf(waiting)).toBe("pending");
    state.resetProvider("p");
    await clock.advance(0);
    expect(await waiting).toMatchObject({ status: "completed", content: "late" });
    expect(clock.pending).toBe(0);
  });

  test("names without end are forgotten, and none of which anything is known", () => {
    const rates = new AdaptiveRates({ clock: createFakeClock() });
    const refused = rates.of("refused");
    refused.started(0);
    refused.refused(0, 1, false);
    for (let name = 0; name < 5_000; name++) rates.of(`tool:${name}`);
    expect(rates.of("refused")).toBe(refused);
  });
});

describe("limits that a server tells", () => {
  const told: readonly (readonly [string, Readonly<Record<string, string>>, number])[] = [
    [
      "OpenAI: one request left of 600 a minute, which refill one in 100 ms",
      {
        "x-ratelimit-limit-requests": "600",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1m0s",
      },
      100,
    ],
    [
      "OpenAI: tokens for less than a call left, of 60,000 a minute",
      {
        "x-ratelimit-limit-tokens": "60000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "60s",
        "x-ratelimit-limit-requests": "5000",
        "x-ratelimit-remaining-requests": "4999",
        "x-ratelimit-reset-requests": "12ms",
      },
      1_000,
    ],
    [
      "Anthropic: a date",
      {
        "anthropic-ratelimit-requests-limit": "60",
        "anthropic-ratelimit-requests-remaining": "0",
        "anthropic-ratelimit-requests-reset": "1970-01-01T00:01:00Z",
      },
      1_000,
    ],
    [
      "Cerebras: seconds to the end of the minute",
      {
        "x-ratelimit-limit-requests-minute": "30",
        "x-ratelimit-remaining-requests-minute": "0",
        "x-ratelimit-reset-requests-minute": "7.5",
      },
      7_500,
    ],
    ["Mistral: no reset", { "x-ratelimit-limit-req-minute": "60", "x-ratelimit-remaining-req-minute": "0" }, 1_000],
    ["the IETF draft", { RateLimit: '"default";r=0;t=3' }, 3_000],
  ];
  test.each(told)("hold the next call back: %s", (_, headers, waitMs) => {
    const rate = new AdaptiveRate();
    rate.used(1_000);
    rate.started(0);
    rate.heard(headers, 0);
    expect(rate.isLimited).toBe(true);
    expect(rate.lane.readyAtMs).toBeCloseTo(waitMs, 0);
  });

  const untold: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    [
      "are far from used up",
      {
        "x-ratelimit-limit-requests": "600",
        "x-ratelimit-remaining-requests": "300",
        "x-ratelimit-reset-requests": "30s",
      },
    ],
    ["are written as -1, as Azure does", { "x-ratelimit-remaining-tokens": "-1", "x-ratelimit-reset-tokens": "0" }],
    [
      "are a day's",
      {
        "x-ratelimit-limit-requests-day": "1000",
        "x-ratelimit-remaining-requests-day": "0",
        "x-ratelimit-reset-requests-day": "33011.4",
      },
    ],
    ["cannot be read", { "x-ratelimit-remaining-requests": "soon", "x-ratelimit-reset-requests": {}, ratelimit: "?" }],
    ["are not there", { "content-type": "application/json" }],
  ];
  test.each(untold)("hold nothing back where they %s", (_, headers) => {
    const rate = new AdaptiveRate();
    rate.started(0);
    rate.heard(headers, 0);
    expect(rate.isLimited).toBe(false);
  });

  test("spread what little is left over the window, and end with it", async () => {
    const clock = createFakeClock();
    const rate = new AdaptiveRate();
    const queue = new LaneQueue(clock);
    rate.heard({ "ratelimit-limit": "100", "ratelimit-remaining": "4", "ratelimit-reset": "8" }, 0);
    const starts: number[] = [];
    for (let index = 0; index < 4; index++)
      void Promise.resolve(queue.enter("k", [rate.lane], { requests: 1, tokens: 0 })).then(() => {
        rate.started(clock.now());
        starts.push(Math.round(clock.now() / 100) / 10);
      });
    await clock.runAll();
    expect(starts).toEqual([0, 2, 4, 6]);
    rate.started(8_000);
    expect(rate.isLimited).toBe(false);
  });

  test("are read from the headers of an answer, and slow down the calls after it", async () => {
    const { guard, clock } = setUp();
    const headers = {
      "x-ratelimit-limit-requests": "60",
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": "60s",
    };
    await guard(call((attempt) => attempt.heard(headers)));
    const next = guard(call(() => "next"));
    expect(await stateOf(next)).toBe("pending");
    await clock.advance(1_100);
    expect(await next).toMatchObject({ ok: true, value: "next" });
  });

  test("leave a lane without a rate as it is", () => {
    expect(new Lane({}).readyAtMs).toBe(0);
  });
});
