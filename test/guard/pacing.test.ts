import { describe, expect, test } from "vitest";
import type { Pacer } from "../../src/guard/pacer.ts";
import { createMemoryPacer } from "../../src/guard/pacer.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { call, httpError, script, setUp, stateOf, usage } from "./set-up.ts";

const tenSecondsApart = { p: { requestsPerMinute: 6 } };

describe("limits given", () => {
  test("make a call wait before its attempt starts, so that the wait takes none of the attempt's time", async () => {
    const clock = createFakeClock();
    const pacer = createMemoryPacer(tenSecondsApart, { clock });
    const { guard } = setUp({ clock, pacer, config: { attemptTimeoutMs: 100 } });
    const startsMs: number[] = [];
    const started = call(() => startsMs.push(clock.now()));
    const outcomes = Promise.all([guard(started), guard(started), guard(started)]);
    await clock.runAll();
    expect((await outcomes).map(({ ok, attempts }) => [ok, attempts])).toEqual(Array(3).fill([true, 1]));
    expect(startsMs).toHaveLength(3);
    expect(startsMs[1]).toBeGreaterThan(9_900);
    expect(startsMs[2]).toBeGreaterThan(19_900);
  });

  test("start no call whose run has become unsure of its key while the call waited", async () => {
    const clock = createFakeClock();
    const pacer = createMemoryPacer(tenSecondsApart, { clock });
    const isSure = () => clock.now() < 5_000 || clock.now() >= 30_000;
    const ready = () => (isSure() ? undefined : clock.sleep(30_000 - clock.now()));
    const { guard } = setUp({ clock, pacer, ready });
    await guard(call(() => "first"));
    const second = guard(call(() => clock.now()));
    await clock.runAll();
    expect(await second).toMatchObject({ ok: true, value: 30_000, attempts: 1 });
  });

  test("let a call go at once when its run ends, and leave no timer", async () => {
    const clock = createFakeClock();
    const { guard, scope } = setUp({ clock, pacer: createMemoryPacer(tenSecondsApart, { clock }) });
    await guard(call(() => "first"));
    const waiting = guard(call(() => "second"));
    expect(await stateOf(waiting)).toBe("pending");
    scope.abort(new Error("stopped"));
    expect(await stateOf(waiting)).toMatchObject({ ok: false, attempts: 0, failure: { category: "cancelled" } });
    expect(clock.pending).toBe(0);
  });

  test("end a call at its own deadline, which the wait is part of", async () => {
    const clock = createFakeClock();
    const { guard } = setUp({ clock, pacer: createMemoryPacer(tenSecondsApart, { clock }) });
    await guard(call(() => "first"));
    const waiting = guard(call(() => "second", { limits: { timeMs: 2_000 } }));
    await clock.advance(1_999);
    expect(await stateOf(waiting)).toBe("pending");
    await clock.advance(1);
    expect(await stateOf(waiting)).toMatchObject({ ok: false, attempts: 0, error: { budgetType: "timeMs" } });
    expect(clock.pending).toBe(0);
  });

  test("count each attempt, and free its place as it ends, however it ends", async () => {
    const clock = createFakeClock();
    const { guard } = setUp({ clock, pacer: createMemoryPacer({ p: { maxConcurrent: 1 } }, { clock }) });
    const first = guard(script([httpError(500), "second try"]));
    const other = guard(call(() => "meanwhile"));
    expect(await stateOf(other)).toMatchObject({ ok: true, value: "meanwhile" });
    await clock.runAll();
    expect(await first).toMatchObject({ ok: true, value: "second try", attempts: 2 });
  });

  test("hold for the calls inside an attempt in place of the attempt, which waits for none of its own", async () => {
    const clock = createFakeClock();
    const { guard } = setUp({ clock, pacer: createMemoryPacer({ p: { maxConcurrent: 1 } }, { clock }) });
    let [inFlight, most] = [0, 0];
    const inner = call(async () => {
      most = Math.max(most, ++inFlight);
      await clock.sleep(10);
      inFlight--;
    });
    const outer = guard(
      call(async (attempt) => {
        const inside = attempt.guardWithin(attempt.signal);
        return (await Promise.all([inside(inner), inside(inner), inside(inner)])).map(({ ok }) => ok);
      }),
    );
    await clock.runAll();
    expect(await outer).toMatchObject({ ok: true, value: [true, true, true] });
    expect(most).toBe(1);
  });

  test("learn the tokens of a call from those before, where nothing else tells them", async () => {
    const costs: number[] = [];
    const { guard } = setUp({ pacer: recording({ onReserve: (_, { tokens }) => costs.push(tokens) }) });
    const spending = call((attempt) => attempt.spend(usage(900, 100), 0));
    await guard(spending);
    await guard(spending);
    await guard({ ...spending, expectedTokens: () => 50 });
    expect(costs).toEqual([0, 1_000, 50]);
  });
});

describe("a pacer of one's own", () => {
  test("is asked by provider and model as users write them, and told what was used", async () => {
    const heard: unknown[] = [];
    const pacer = recording({
      onReserve: (key, cost) => heard.push([key, cost]),
      onSettle: (actual) => heard.push(actual),
    });
    const { guard } = setUp({ pacer });
    const named = { provider: "openai.responses", modelId: "gpt-5-mini", expectedTokens: () => 300 };
    await guard(call((attempt) => attempt.spend(usage(200, 50), 0), named));
    expect(heard).toEqual([["openai:gpt-5-mini", { requests: 1, tokens: 300 }], { tokens: 250 }]);
  });

  test("hears of the pause that a server asks for", async () => {
    const pauses: unknown[] = [];
    const { guard, clock } = setUp({ pacer: recording({ onPause: (...pause) => pauses.push(pause) }) });
    const outcome = guard(script([httpError(429, { "retry-after": "30" }), "late"], { modelId: "m" }));
    await clock.runAll();
    expect(await outcome).toMatchObject({ ok: true });
    expect(pauses).toEqual([["p:m", 30_000]]);
  });

  test("fails the call that it fails for, with its error", async () => {
    const { guard } = setUp({ pacer: { ...recording({}), reserve: () => Promise.reject(new Error("no Redis")) } });
    expect(await guard(call(() => "never"))).toMatchObject({
      ok: false,
      attempts: 0,
      failure: { message: "no Redis" },
    });
  });

  test("gets back what it grants to a call that has ended meanwhile", async () => {
    const settled: unknown[] = [];
    let grant = () => {};
    const granted = new Promise<void>((resolve) => (grant = resolve));
    const slow: Pacer = {
      reserve: () =>
        granted.then(() => ({ settle: (actual: { readonly tokens: number }) => void settled.push(actual) })),
      pause() {},
    };
    const { guard, scope } = setUp({ pacer: slow });
    const waiting = guard(call(() => "never"));
    expect(await stateOf(waiting)).toBe("pending");
    scope.abort(new Error("stopped"));
    expect(await stateOf(waiting)).toMatchObject({ ok: false, attempts: 0 });
    grant();
    await stateOf(granted);
    expect(settled).toEqual([{ tokens: 0 }]);
  });

  test("whose settle and pause throw leaves the answer as it is", async () => {
    const fail = () => {
      throw new Error("bug");
    };
    const { guard, clock } = setUp({ pacer: recording({ onSettle: fail, onPause: fail }) });
    const outcome = guard(script([httpError(429, { "retry-after": "1" }), "answer"]));
    await clock.runAll();
    expect(await outcome).toMatchObject({ ok: true, value: "answer" });
  });
});

test("a refusal for the rate takes nothing from the retry budget, and a retry that follows it gives nothing", async () => {
  const { guard, clock, retryBudgets } = setUp({ config: { maxRetries: 2 } });
  const budget = retryBudgets.of("p");
  budget.withdraw(false);
  const before = budget.tokens;
  const outcome = guard(script([httpError(429), httpError(429), "answer"]));
  await clock.runAll();
  expect(await outcome).toMatchObject({ ok: true, attempts: 3 });
  expect(budget.tokens).toBe(before);
});

interface Heard {
  onReserve?(key: string, cost: { readonly requests: number; readonly tokens: number }): void;
  onSettle?(actual: { readonly tokens: number }): void;
  onPause?(key: string, untilMs: number): void;
}

/** A pacer that grants everything at once. */
function recording({ onReserve, onSettle, onPause }: Heard): Pacer {
  return {
    async reserve(key, cost) {
      onReserve?.(key, cost);
      return { settle: (actual) => onSettle?.(actual) };
    },
    pause: (key, untilMs) => onPause?.(key, untilMs),
  };
}
