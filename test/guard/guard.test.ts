import { afterEach, describe, expect, test } from "vitest";
import { BudgetExceeded, CancelledError, InvalidOutputError } from "../../src/contract/errors.ts";
import { InvalidOptionsError } from "../../src/core/errors.ts";
import { call, httpError, script, setUp, stateOf, usage } from "./set-up.ts";

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
afterEach(() => expect(unhandled).toEqual([]));

describe("retries of a guarded call", () => {
  test("there are none without policies", async () => {
    const { guard } = setUp({ config: false });
    const outcome = await guard(script([httpError(503)]));
    expect(outcome).toMatchObject({ ok: false, attempts: 1, failure: { category: "server_error", isRetryable: true } });
  });

  test("follow a plain 503 and a reset connection, each attempt shown the error before it", async () => {
    const { guard, clock, events } = setUp();
    const errors = [httpError(503), Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNRESET" } })];
    const shown: unknown[] = [];
    const pending = guard(
      call(({ attempt, previousError }) => {
        shown.push(previousError);
        const error = errors[attempt - 1];
        if (error) throw error;
        return "answer";
      }),
    );
    await clock.runAll();
    expect(await pending).toMatchObject({ ok: true, value: "answer", attempts: 3 });
    expect(shown).toEqual([undefined, ...errors]);
    expect(events.map(({ type, attempt }) => `${type} ${attempt}`)).toEqual(["retry_scheduled 1", "retry_scheduled 2"]);
    expect(clock.pending).toBe(0);
  });

  test("end after maxRetries, and the failure says how many attempts there were", async () => {
    const { guard, clock } = setUp({ config: { maxRetries: 2 } });
    const failing = script(Array.from({ length: 9 }, () => httpError(500)));
    const pending = guard(failing);
    await clock.runAll();
    expect(await pending).toMatchObject({ ok: false, attempts: 3, failure: { attempts: 3, code: "HTTP_500" } });
    expect(failing.attempts).toBe(3);
  });

  test("belong to their call alone: calls at the same time take none from each other", async () => {
    const { guard, clock } = setUp({ config: { maxRetries: 1 } });
    const pending = Promise.all(Array.from({ length: 5 }, () => guard(script([httpError(503), "answer"]))));
    await clock.runAll();
    expect((await pending).map(({ ok, attempts }) => `${ok} ${attempts}`)).toEqual(Array(5).fill("true 2"));
  });

  test("do not follow a fault of the caller's own code, a bad request or a wrong key", async () => {
    const { guard } = setUp();
    for (const error of [new TypeError("x is undefined"), httpError(400), httpError(401)])
      expect(await guard(script([error, "never"]))).toMatchObject({ ok: false, error, attempts: 1 });
  });

  test("give a model one more attempt at an invalid answer, at once, with the faults at hand", async () => {
    const { guard, clock, retryBudgets } = setUp();
    const shown: unknown[] = [];
    const outcome = await guard(
      call(({ previousError }) => {
        shown.push((previousError as InvalidOutputError | undefined)?.errors);
        throw new InvalidOutputError(["/severity: must be low or high"]);
      }),
    );
    expect(outcome).toMatchObject({ ok: false, attempts: 2, failure: { category: "invalid_output" } });
    expect(shown).toEqual([undefined, ["/severity: must be low or high"]]);
    expect(clock.now()).toBe(0);
    expect(retryBudgets.of("p").tokens).toBe(500);
  });

  test("do not repeat in silence what was delivered: a plain call fails, saying so", async () => {
    const { guard } = setUp();
    const outcome = await guard(
      call((attempt) => {
        attempt.commit();
        throw httpError(503);
      }),
    );
    expect(outcome).toMatchObject({
      ok: false,
      attempts: 1,
      failure: { message: expect.stringMatching(/part of the answer had been deliv/) },
    });
  });

  test("start a replicate anew that had delivered something, after an attempt_discarded event", async () => {
    const { guard, clock, events } = setUp();
    const pending = guard(
      call(
        (attempt) => {
          if (attempt.attempt === 3) return "answer";
          if (attempt.attempt === 1) attempt.commit();
          throw httpError(503);
        },
        { replicateId: "r1" },
      ),
    );
    await clock.runAll();
    expect(await pending).toMatchObject({ ok: true, attempts: 3 });
    expect(events).toMatchObject([
      { type: "attempt_discarded", replicateId: "r1", attempt: 1 },
      { type: "retry_scheduled", replicateId: "r1", attempt: 1 },
      { type: "retry_scheduled", replicateId: "r1", attempt: 2 },
    ]);
  });

  test("stop when the provider's retry budget is empty, and the failure says so", async () => {
    const { guard, clock, retryBudgets } = setUp({ config: { circuitBreaker: { failureThreshold: 1000 } } });
    const outcomes = Promise.all(
      Array.from({ length: 100 }, () => guard(script(Array.from({ length: 9 }, () => httpError(503))))),
    );
    await clock.runAll();
    const attempts = (await outcomes).reduce((sum, outcome) => sum + outcome.attempts, 0);
    expect(attempts).toBe(100 + 500 / 5);
    expect(retryBudgets.of("p").tokens).toBe(0);
    expect((await outcomes).at(-1)).toMatchObject({
      failure: { message: expect.stringMatching(/retry budget is empty/) },
    });
  });
});

describe("Retry-After", () => {
  const limited = (seconds: number) => httpError(429, { "retry-after": String(seconds) });

  test("of 300 s is never undercut, and jitter only adds", async () => {
    for (let round = 0; round < 20; round++) {
      const { guard, clock } = setUp();
      const asked = script([limited(300), "answer"]);
      const pending = guard(asked);
      await clock.advance(299_999);
      expect(asked.attempts).toBe(1);
      await clock.runAll();
      expect(await pending).toMatchObject({ ok: true, attempts: 2 });
      expect(clock.now()).toBeGreaterThanOrEqual(300_000);
    }
  });

  test("past the deadline fails at once, and says so", async () => {
    const { guard, clock } = setUp({ limits: { timeMs: 20_000 } });
    const outcome = await guard(script([limited(300), "never"]));
    expect(outcome).toMatchObject({ ok: false, attempts: 1, failure: { category: "rate_limit" } });
    expect(outcome).toMatchObject({
      failure: { message: expect.stringMatching(/Retry-After asks for 300000 ms, the deadline is in 20000 ms/) },
    });
    expect(clock.now()).toBe(0);
  });

  test("past another call's deadline fails that call at once too, before it is made", async () => {
    const first = setUp({ config: { maxRetries: 0 } });
    await first.guard(script([limited(30)]));
    const second = setUp({ limits: { timeMs: 20_000 }, beside: first });
    const never = script(["never"]);
    expect(await second.guard(never)).toMatchObject({
      attempts: 0,
      error: { reason: "cooldown", retryAfterMs: 30_000 },
    });
    expect(first.clock.now()).toBe(0);
  });

  test("past maxDelayMs fails at once where there is a fallback, for this call and for the next", async () => {
    const { guard, clock } = setUp({ hasFallback: true });
    const first = await guard(script([limited(300), "never"]));
    expect(first).toMatchObject({
      ok: false,
      attempts: 1,
      failure: { message: expect.stringMatching(/there is a fallback/) },
    });
    const second = await guard(script(["never"]));
    expect(second).toMatchObject({ ok: false, attempts: 0, failure: { category: "circuit_open" } });
    expect(clock.now()).toBe(0);
  });

  test("holds back other calls to the provider until it is over, and not calls to others", async () => {
    const { guard, clock } = setUp({ config: { maxRetries: 0 } });
    await guard(script([limited(30)]));
    const [waiting, other] = [script(["later"]), script(["now"], { provider: "q" })];
    const [later, now] = [guard(waiting), guard(other)];
    expect(await now).toMatchObject({ ok: true });
    await clock.advance(29_999);
    expect(waiting.attempts).toBe(0);
    await clock.runAll();
    expect(await later).toMatchObject({ ok: true, value: "later" });
  });

  test("is waited for where there is no fallback, however long, and those who waited do not come back together", async () => {
    const { guard, clock } = setUp({ config: { maxRetries: 0 } });
    await guard(script([limited(300)]));
    const startedAtMs: number[] = [];
    const waiting = Promise.all(Array.from({ length: 10 }, () => guard(call(() => startedAtMs.push(clock.now())))));
    await clock.runAll();
    expect((await waiting).every(({ ok }) => ok)).toBe(true);
    expect(Math.min(...startedAtMs)).toBeGreaterThanOrEqual(300_000);
    expect(new Set(startedAtMs).size).toBe(10);
  });

  test("counts no failure: any number of 429s leaves the circuit closed", async () => {
    const { guard, breakers, clock } = setUp({ config: { maxRetries: 0 } });
    for (let number = 0; number < 50; number++) {
      const call = guard(script([httpError(429)]));
      await clock.runAll();
      await call;
    }
    expect(breakers.states()).toEqual({ p: "closed" });
  });
});

describe("an abort", () => {
  test("during a backoff of 60 s ends the call in the same tick: no further attempt, no timer", async () => {
    const { guard, clock, scope } = setUp({ config: { initialDelayMs: 60_000, jitter: false } });
    const failing = script([httpError(503), "never"]);
    const pending = guard(failing);
    await clock.advance(30_000);
    expect(clock.pending).toBe(1);
    scope.abort(new Error("the caller left"));
    expect(clock.pending).toBe(0);
    expect(await stateOf(pending)).toMatchObject({
      ok: false,
      attempts: 1,
      error: { message: expect.stringMatching(/the caller left/) },
    });
    await clock.runAll();
    expect(failing.attempts).toBe(1);
  });

  test("during a backoff does not open the circuit: the call did not fail for good", async () => {
    const { guard, clock, scope, breakers } = setUp({ config: { circuitBreaker: { failureThreshold: 1 } } });
    const pending = guard(script([httpError(503), "never"]));
    await clock.advance(0);
    scope.abort(new Error("left"));
    expect(await pending).toMatchObject({ attempts: 1 });
    expect(breakers.states()).toEqual({ p: "closed" });
  });

  test("ends a call at once whose tool never settles, and what it used by then counts", async () => {
    const { guard, scope, ledger } = setUp();
    const pending = guard(
      call((attempt) => {
        attempt.signal.addEventListener("abort", () => attempt.spend({ ...usage(5, 1), estimated: true }, null));
        return new Promise(() => {});
      }),
    );
    await stateOf(pending);
    const reason = new Error("the caller left");
    scope.abort(reason);
    const outcome = await stateOf(pending);
    expect(outcome).toMatchObject({ ok: false, usage: { totalTokens: 6, estimated: true }, costUsd: null });
    expect(outcome).toMatchObject({
      error: { cause: reason },
      failure: { category: "cancelled", type: "CancelledError" },
    });
    expect(ledger.spent.usage.totalTokens).toBe(6);
  });

  test("ignores what the tool does afterwards, a rejection too", async () => {
    const { guard, scope } = setUp();
    const { promise, reject } = Promise.withResolvers<never>();
    const pending = guard(call(() => promise));
    await stateOf(pending);
    scope.abort(new CancelledError("left"));
    expect(await pending).toMatchObject({ ok: false, attempts: 1 });
    reject(new Error("late"));
    await new Promise((resolve) => setImmediate(resolve));
  });

  test("before a call starts nothing, and with a deadline as its reason it is that", async () => {
    const { guard, scope } = setUp();
    const deadline = new BudgetExceeded("timeMs", 1000, 1000);
    scope.abort(deadline);
    const never = script(["never"]);
    expect(await guard(never)).toMatchObject({
      ok: false,
      attempts: 0,
      error: deadline,
      failure: { category: "budget" },
    });
    expect(never.attempts).toBe(0);
  });

  test("says nothing of the provider: cancelled calls never open its circuit", async () => {
    const config = { circuitBreaker: { failureThreshold: 1, failureRatio: 0 } };
    const beside = setUp({ config });
    for (let number = 0; number < 20; number++) {
      const { guard, scope } = setUp({ config, beside });
      const failsOnAbort = call(({ signal }) => {
        const { promise, reject } = Promise.withResolvers<never>();
        signal.onabort = () => reject(httpError(503));
        return promise;
      });
      const pending = guard(failsOnAbort);
      await stateOf(pending);
      scope.abort(new Error("left"));
      expect(await pending).toMatchObject({ attempts: 1 });
    }
    expect(beside.breakers.states()).toEqual({ p: "closed" });
  });
});

describe("the usage of a guarded call", () => {
  test("is the sum over failed attempts too, once: (2, 3) and (5, 7) make 2 requests, 7 in, 10 out", async () => {
    const { guard, clock, ledger } = setUp({ config: { maxRetries: 1 } });
    const used = [usage(2, 3), usage(5, 7)];
    const pending = guard(
      call((attempt) => {
        attempt.spend(used[attempt.attempt - 1], 0.25);
        throw httpError(503);
      }),
    );
    await clock.runAll();
    const sum = { usage: { inputTokens: 7, outputTokens: 10, totalTokens: 17, requests: 2 }, costUsd: 0.5 };
    expect(await pending).toMatchObject({ ok: false, attempts: 2, ...sum });
    expect(ledger.spent).toEqual(sum);
  });

  test("is reserved before each attempt and given back after it: retries never pass the ceiling", async () => {
    const { guard, clock, events, ledger } = setUp({ limits: { tokens: 25 } });
    const pending = guard(
      call(
        (attempt) => {
          expect(ledger.remaining().tokens).toBe(15 - 10 * (attempt.attempt - 1));
          attempt.spend(usage(10, 0), 0);
          throw httpError(503);
        },
        { bound: () => ({ tokens: 10 }) },
      ),
    );
    await clock.runAll();
    expect(await pending).toMatchObject({
      ok: false,
      attempts: 2,
      error: { budgetType: "tokens", limit: 25, actual: 30 },
    });
    expect(events.map(({ type, attempt }) => `${type} ${attempt}`)).toEqual([
      "budget_reserved 1",
      "retry_scheduled 1",
      "budget_reserved 2",
      "retry_scheduled 2",
    ]);
    expect(ledger.remaining()).toEqual({ tokens: 5 });
  });

  test("keeps the call's own ceilings over all its attempts", async () => {
    const { guard, clock } = setUp({ limits: { tokens: 1000 } });
    const pending = guard(
      call(
        (attempt) => {
          attempt.spend(usage(8, 0), 0);
          throw httpError(503);
        },
        { limits: { tokens: 20 } },
      ),
    );
    await clock.runAll();
    expect(await pending).toMatchObject({ ok: false, attempts: 3, usage: { totalTokens: 24 }, error: { limit: 20 } });
  });

  test("is null dollars where the price of a single attempt is not known", async () => {
    const { guard } = setUp();
    const outcome = await guard(
      call((attempt) => {
        attempt.spend(usage(1, 1), 0.1);
        attempt.spend(usage(1, 1), undefined);
      }),
    );
    expect(outcome).toMatchObject({ ok: true, costUsd: null, usage: { totalTokens: 4 } });
  });

  test("is nothing where the bound itself refuses: its error is the outcome", async () => {
    const { guard, ledger } = setUp({ limits: { costUsd: 1 } });
    const refusal = new InvalidOptionsError([{ path: "options.budget.costUsd", given: 1, allowed: "a known price" }]);
    const bound = () => {
      throw refusal;
    };
    const outcome = await guard(script(["never"], { bound }));
    expect(outcome).toMatchObject({ ok: false, attempts: 0, error: refusal, failure: { category: "invalid_request" } });
    expect(ledger.remaining()).toEqual({ costUsd: 1 });
  });
});
