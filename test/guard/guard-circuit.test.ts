import { describe, expect, test } from "vitest";
import { call, httpError, script, setUp, stateOf, usage } from "./set-up.ts";

const sameDelay = { jitter: false, initialDelayMs: 1000 } as const;

const never = () => new Promise<never>(() => {});

describe("the circuit around guarded calls", () => {
  test("opens for a provider whose calls fail for good, and tells it once", async () => {
    const { guard, clock, breakers, eventTypes } = setUp({ config: { maxRetries: 0 } });
    for (let number = 0; number < 5; number++) await guard(script([httpError(503)]));
    expect(breakers.states()).toEqual({ p: "open" });
    const refused = await guard(script(["never"]));
    expect(refused).toMatchObject({
      ok: false,
      attempts: 0,
      failure: { category: "circuit_open", code: "CIRCUIT_OPEN" },
    });
    expect(eventTypes()).toEqual(["circuit_opened"]);
    await clock.advance(60_000);
    expect(breakers.states()).toEqual({ p: "half_open" });
    for (let number = 0; number < 2; number++) await guard(script(["answer"]));
    expect(eventTypes()).toEqual(["circuit_opened", "circuit_half_open", "circuit_closed"]);
  });

  test("never opens for a blip of a second that retries absorb, however many calls meet it", async () => {
    for (const calls of [1, 10, 100]) {
      const { guard, clock, breakers } = setUp({ config: { ...sameDelay, initialDelayMs: 1000 } });
      const during = () => {
        if (clock.now() < 1000) throw httpError(503);
        return "answer";
      };
      const pending = Promise.all(Array.from({ length: calls }, () => guard(call(during))));
      await clock.runAll();
      expect((await pending).every(({ ok }) => ok)).toBe(true);
      expect(breakers.states()).toEqual({ p: "closed" });
    }
  });

  test("ends the retries of other calls once it is open; what went wrong before is what they fail with", async () => {
    const { guard, clock } = setUp({ config: { ...sameDelay, circuitBreaker: { failureThreshold: 3 } } });
    const brief = Array.from({ length: 3 }, () => script(Array.from({ length: 9 }, () => httpError(503))));
    const pending = Promise.all(brief.map((one) => guard(one)));
    await clock.advance(6000);
    const late = script([httpError(502), "never"]);
    const lateOutcome = guard(late);
    await clock.runAll();
    await pending;
    expect(await lateOutcome).toMatchObject({ ok: false, attempts: 1, failure: { code: "HTTP_502" } });
    expect(await lateOutcome).toMatchObject({
      failure: { message: expect.stringMatching(/not tried again: "p" is not called/) },
    });
  });

  test("refuses at once while it is open, also a provider that has asked for a pause", async () => {
    const { guard, clock } = setUp({ config: { maxRetries: 0, circuitBreaker: { failureThreshold: 1 } } });
    const limited = guard(
      call(async () => {
        await clock.sleep(10);
        throw httpError(429, { "retry-after": "30" });
      }),
    );
    const failing = guard(
      call(async () => {
        await clock.sleep(20);
        throw httpError(503);
      }),
    );
    await clock.advance(20);
    expect((await Promise.all([limited, failing])).map(({ ok }) => ok)).toEqual([false, false]);
    const refused = await stateOf(guard(script(["never"])));
    expect(refused).toMatchObject({ ok: false, attempts: 0, error: { reason: "open", retryAfterMs: 60_000 } });
    expect(clock.pending).toBe(0);
  });

  test("gives a probe's permit back where the budget refuses it, or its run is aborted", async () => {
    const circuitBreaker = { halfOpenRequests: 1, successThreshold: 1 };
    const run = { limits: { tokens: 100 }, config: { maxRetries: 0, circuitBreaker }, hasFallback: true };
    const beside = setUp(run);
    for (let number = 0; number < 5; number++) await beside.guard(script([httpError(503)]));
    await beside.clock.advance(60_000);
    for (let number = 0; number < 5; number++) {
      const { guard, scope } = setUp({ ...run, beside });
      const refused = await guard(script(["never"], { bound: () => ({ tokens: 101 }) }));
      expect(refused).toMatchObject({ attempts: 0, failure: { category: "budget" } });
      const hanging = guard(call(() => new Promise(() => {})));
      await stateOf(hanging);
      expect(await guard(script(["never"]))).toMatchObject({ failure: { category: "circuit_open" } });
      scope.abort(new Error("left"));
      expect(await hanging).toMatchObject({ attempts: 1 });
    }
    await beside.guard(script(["answer"]));
    expect(beside.breakers.states()).toEqual({ p: "closed" });
  });

  test("takes a probe's permit back once, also where its call comes back and finds none", async () => {
    const circuitBreaker = { halfOpenRequests: 1, successThreshold: 1, failureThreshold: 1 };
    const { guard, clock, scope } = setUp({
      config: { ...sameDelay, maxRetries: 1, circuitBreaker },
      hasFallback: true,
    });
    const failing = guard(script([httpError(503), httpError(503)]));
    await clock.runAll();
    await failing;
    await clock.advance(60_000);
    const again = guard(script([Object.assign(httpError(400), { isRetryable: true }), "never"]));
    await clock.advance(500);
    const probe = guard(call(never));
    await clock.advance(500);
    expect(await again).toMatchObject({ attempts: 1, failure: { code: "HTTP_400" } });
    expect(await guard(script(["never"]))).toMatchObject({ attempts: 0, failure: { category: "circuit_open" } });
    scope.abort(new Error("enough"));
    await probe;
  });

  test("counts by the provider that a call declares, one breaker each", async () => {
    const { guard, breakers } = setUp({ config: { maxRetries: 0 } });
    for (let number = 0; number < 5; number++) await guard(script([httpError(503)], { provider: "a" }));
    await guard(script(["answer"], { provider: "b" }));
    expect(breakers.states()).toEqual({ a: "open", b: "closed" });
  });

  test("has options of its own for a provider, the rest as for all", async () => {
    const config = { maxRetries: 0, circuitBreaker: { failureThreshold: 3 }, circuitBreakers: { a: { openMs: 10 } } };
    const { guard, breakers, clock } = setUp({ config });
    for (let number = 0; number < 3; number++) {
      await guard(script([httpError(503)], { provider: "a" }));
      await guard(script([httpError(503)], { provider: "b" }));
    }
    expect(breakers.states()).toEqual({ a: "open", b: "open" });
    await clock.advance(10);
    expect(breakers.states()).toEqual({ a: "half_open", b: "open" });
  });

  test("does not count an exception of the tool's own code, a bad request or an invalid answer", async () => {
    const { guard, breakers } = setUp({ config: { maxRetries: 0, circuitBreaker: { failureThreshold: 1 } } });
    for (const error of [new TypeError("x is undefined"), httpError(400), httpError(401), new Error("odd")])
      await guard(script([error]));
    expect(breakers.states()).toEqual({ p: "closed" });
  });
});

describe("timeouts of guarded calls", () => {
  test("end an attempt that takes too long, abort its signal, and retry it", async () => {
    const { guard, clock, retryBudgets } = setUp({ config: { attemptTimeoutMs: 5000 } });
    const reasons: unknown[] = [];
    const pending = guard(
      call(({ attempt, signal }) => {
        if (attempt === 2) return "answer";
        signal.onabort = () => reasons.push(signal.reason);
        return never();
      }),
    );
    await clock.advance(5000);
    expect(reasons).toMatchObject([{ name: "TimeoutError", phase: "attempt", limitMs: 5000 }]);
    expect(retryBudgets.of("p").tokens).toBe(490);
    await clock.runAll();
    expect(await pending).toMatchObject({ ok: true, attempts: 2 });
    expect(clock.pending).toBe(0);
  });

  test("are told apart from an abort", async () => {
    const timedOut = setUp({ config: { attemptTimeoutMs: 5000, maxRetries: 0 } });
    const first = timedOut.guard(call(never));
    await timedOut.clock.runAll();
    expect(await first).toMatchObject({ failure: { category: "timeout", code: "TIMEOUT", isRetryable: true } });
    const aborted = setUp({ config: { attemptTimeoutMs: 5000 } });
    const second = aborted.guard(call(never));
    await stateOf(second);
    aborted.scope.abort(new Error("left"));
    expect(await second).toMatchObject({ failure: { category: "cancelled", isRetryable: false } });
  });

  test("watch a stream only once it is one: its first chunk, and each next one", async () => {
    const config = { firstChunkTimeoutMs: 1000, chunkTimeoutMs: 200, maxRetries: 0 };
    const plain = setUp({ config });
    const slow = plain.guard(call(() => plain.clock.sleep(60_000)));
    await plain.clock.runAll();
    expect(await slow).toMatchObject({ ok: true });

    const silent = setUp({ config });
    const first = silent.guard(
      call((attempt) => {
        attempt.expectChunks();
        return never();
      }),
    );
    await silent.clock.runAll();
    expect(await first).toMatchObject({ ok: false, error: { phase: "first_chunk", limitMs: 1000 } });

    const stalled = setUp({ config });
    const second = stalled.guard(
      call(async (attempt) => {
        attempt.expectChunks();
        for (let chunk = 0; chunk < 10; chunk++) {
          await stalled.clock.sleep(199);
          attempt.chunk();
        }
        return never();
      }),
    );
    await stalled.clock.runAll();
    expect(await second).toMatchObject({ ok: false, error: { phase: "chunk", limitMs: 200 } });
    expect(stalled.clock.now()).toBe(2190);
  });

  test("wait for no chunk once all streams of an attempt have ended, however long it goes on", async () => {
    const config = { firstChunkTimeoutMs: 1000, chunkTimeoutMs: 200, maxRetries: 0 };
    const { guard, clock } = setUp({ config });
    const checked = guard(
      call(async (attempt) => {
        const end = attempt.expectChunks();
        attempt.chunk();
        end?.();
        await clock.sleep(60_000);
        return "checked";
      }),
    );
    await clock.runAll();
    expect(await checked).toMatchObject({ ok: true, value: "checked", attempts: 1 });

    const stalled = guard(
      call((attempt) => {
        const end = attempt.expectChunks();
        attempt.expectChunks();
        attempt.chunk();
        end?.();
        return never();
      }),
    );
    await clock.runAll();
    expect(await stalled).toMatchObject({ ok: false, error: { phase: "chunk", limitMs: 200 } });
  });

  test("leave no timer for the chunks of an attempt that is over, successful or given up", async () => {
    const { guard, clock } = setUp({ config: { attemptTimeoutMs: 1000, chunkTimeoutMs: 200, maxRetries: 0 } });
    const chunks: (() => void)[] = [];
    const outcomes = Promise.all(
      [() => "answer", never].map((end) =>
        guard(
          call((attempt) => {
            chunks.push(() => attempt.chunk());
            return end();
          }),
        ),
      ),
    );
    await clock.advance(1000);
    expect((await outcomes).map(({ ok }) => ok)).toEqual([true, false]);
    for (const chunk of chunks) chunk();
    expect(clock.pending).toBe(0);
  });

  test("end what an attempt may say for its call: content that it delivers later does not count as delivered", async () => {
    const { guard, clock, events } = setUp({ config: { attemptTimeoutMs: 1000, ...sameDelay } });
    const pending = guard(
      call(async (attempt) => {
        if (attempt.attempt === 3) return "answer";
        if (attempt.attempt === 2) throw httpError(503);
        await clock.sleep(1500);
        attempt.commit();
      }),
    );
    await clock.runAll();
    expect(await pending).toMatchObject({ ok: true, attempts: 3 });
    expect(events.map(({ type }) => type)).not.toContain("attempt_discarded");
  });

  test("count a late report of what the attempt that was given up had used", async () => {
    const { guard, clock, ledger } = setUp({ config: { attemptTimeoutMs: 1000 }, limits: { tokens: 100 } });
    const pending = guard(
      call(
        async (attempt) => {
          if (attempt.attempt === 2) return clock.sleep(500);
          await clock.sleep(3000);
          attempt.spend(usage(40, 2), 0);
          attempt.commit();
        },
        { bound: () => ({ tokens: 50 }) },
      ),
    );
    await clock.runAll();
    expect(await pending).toMatchObject({ ok: true, attempts: 2 });
    expect(ledger.spent.usage.totalTokens).toBe(42);
    expect(ledger.remaining()).toEqual({ tokens: 58 });
  });

  test("keep a call's own time, retries and waits included", async () => {
    const { guard, clock } = setUp({ config: sameDelay });
    const hanging = guard(call(never, { limits: { timeMs: 4000 } }));
    const failing = guard(script([httpError(503), httpError(503), httpError(503)], { limits: { timeMs: 2500 } }));
    await clock.runAll();
    expect(await hanging).toMatchObject({ ok: false, error: { budgetType: "timeMs", limit: 4000 } });
    expect(await failing).toMatchObject({
      attempts: 2,
      failure: { message: expect.stringMatching(/due in 2000 ms, the deadline in 1500 ms/) },
    });
  });
});
