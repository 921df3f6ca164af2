import { getEventListeners } from "node:events";
import { afterEach, describe, expect, expectTypeOf, test, vi } from "vitest";
import { type Clock, schedule } from "../../src/core/clock.ts";
import { InvalidOptionsError } from "../../src/core/errors.ts";
import { seededRandom } from "../../src/core/random.ts";
import { classify } from "../../src/guard/classify.ts";
import { createGuard, type GuardEvent, type GuardOptions } from "../../src/guard/create-guard.ts";
import { RetryableError } from "../../src/guard/errors.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { httpError, stateOf } from "./set-up.ts";

const unhandled: unknown[] = [];
process.on("unhandledRejection", (reason) => unhandled.push(reason));
afterEach(() => expect(unhandled).toEqual([]));

function setUp(options: GuardOptions = {}) {
  const clock = createFakeClock();
  const events: GuardEvent[] = [];
  const onEvent = (event: GuardEvent) => events.push(event);
  return { clock, events, guard: createGuard({ name: "crm", clock, random: seededRandom(1), onEvent, ...options }) };
}

const never = () => new Promise<never>(() => {});

describe("createGuard", () => {
  test("gives what the function gives, and hands it the number of the attempt", async () => {
    const { guard, clock } = setUp();
    const attempts: number[] = [];
    const pending = guard.run(({ attempt }) => {
      attempts.push(attempt);
      if (attempt < 3) throw new RetryableError("warming up");
      return "answer";
    });
    await clock.runAll();
    expect(await pending).toBe("answer");
    expect(attempts).toEqual([1, 2, 3]);
    expect(clock.pending).toBe(0);
  });

  test("throws the very error of the last attempt, and tells a listener why there was no other", async () => {
    const { guard, events } = setUp({ timeoutMs: 20_000 });
    const error = httpError(429, { "retry-after": "300" });
    await expect(guard.run(() => Promise.reject(error))).rejects.toBe(error);
    expect(events).toMatchObject([
      { type: "error", error: { code: "HTTP_429", message: expect.stringMatching(/300000 ms, the deadline/) } },
    ]);
  });

  test("wraps a function, and keeps its parameters and its result", async () => {
    const { guard } = setUp();
    const add = guard.wrap(async ({ attempt }, a: number, b: number) => a + b + attempt);
    expectTypeOf(add).toEqualTypeOf<(a: number, b: number) => Promise<number>>();
    expect(await add(1, 2)).toBe(4);
  });

  test("retries nothing with retry: false, and breaks no circuit with circuitBreaker: false", async () => {
    const once = setUp({ retry: false });
    await expect(once.guard.run(() => Promise.reject(httpError(503)))).rejects.toThrow("HTTP 503");
    const unbroken = setUp({ retry: { maxRetries: 0 }, circuitBreaker: false });
    for (let call = 0; call < 50; call++)
      await unbroken.guard.run(() => Promise.reject(httpError(503))).catch(() => {});
    expect(unbroken.guard.state).toBe("closed");
  });

  test("opens its circuit, refuses, tests, and closes it", async () => {
    const { guard, clock, events } = setUp({ retry: false, circuitBreaker: { failureThreshold: 2, openMs: 1000 } });
    for (let call = 0; call < 2; call++) await guard.run(() => Promise.reject(httpError(503))).catch(() => {});
    expect(guard.state).toBe("open");
    await expect(guard.run(() => "never")).rejects.toMatchObject({ code: "CIRCUIT_OPEN", provider: "crm" });
    await clock.advance(1000);
    expect(guard.state).toBe("half_open");
    for (let call = 0; call < 2; call++) await guard.run(() => "answer");
    expect(guard.state).toBe("closed");
    const changes = events.map(({ type }) => type).filter((type) => type.startsWith("circuit"));
    expect(changes).toEqual(["circuit_opened", "circuit_half_open", "circuit_closed"]);
  });

  test("rejects with the caller's reason in the tick of the abort, in a backoff too, leaving nothing", async () => {
    const { guard, clock } = setUp({ retry: { initialDelayMs: 60_000, jitter: false } });
    const controller = new AbortController();
    const { signal } = controller;
    let calls = 0;
    const failing = guard.run(() => Promise.reject(httpError(500 + calls++)), { signal });
    const hanging = guard.run(never, { signal });
    await clock.advance(1000);
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    const reason = new Error("enough");
    controller.abort(reason);
    expect(clock.pending).toBe(0);
    expect(await stateOf(failing)).toBe(reason);
    expect(await stateOf(hanging)).toBe(reason);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    expect(calls).toBe(1);
  });

  test("calls nothing for a signal that aborted before", async () => {
    const { guard } = setUp({ timeoutMs: 1000 });
    const reason = new Error("gone");
    const work = vi.fn();
    await expect(guard.run(work, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(work).not.toHaveBeenCalled();
  });

  test("rejects with the reason of a signal that aborted before though its circuit is open, and tests no service for it", async () => {
    const { guard, clock, events } = setUp({ retry: false, circuitBreaker: { failureThreshold: 1, openMs: 1000 } });
    await guard.run(() => Promise.reject(httpError(503))).catch(() => {});
    const reason = new Error("gone");
    const signal = AbortSignal.abort(reason);
    await expect(guard.run(() => "never", { signal })).rejects.toBe(reason);
    await clock.advance(1000);
    await expect(guard.run(() => "never", { signal })).rejects.toBe(reason);
    expect(events.map(({ type }) => type)).not.toContain("circuit_half_open");
  });

  test("takes an abort for an abort though its reason is a timeout: no retry, nothing against the service", async () => {
    const { guard, events } = setUp({ retry: { initialDelayMs: 0 }, circuitBreaker: { failureThreshold: 2 } });
    const controller = new AbortController();
    const pending = guard.run(never, { signal: controller.signal });
    const reason = new DOMException("took too long", "TimeoutError");
    controller.abort(reason);
    await expect(pending).rejects.toBe(reason);
    expect(events.map(({ type }) => type)).toEqual(["error"]);
    await guard.run(() => Promise.reject(httpError(503))).catch(() => {});
    expect(guard.state).toBe("closed");
  });

  test("leaves no timer after a success, and no listener after a failure", async () => {
    const { guard, clock } = setUp({ timeoutMs: 1000, attemptTimeoutMs: 500, retry: false });
    const { signal } = new AbortController();
    await guard.run(() => "answer", { signal });
    expect(clock.pending).toBe(0);
    await guard.run(() => Promise.reject(httpError(503)), { signal }).catch(() => {});
    expect(clock.pending).toBe(0);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  test("ends a call at timeoutMs, retries included, and an attempt at attemptTimeoutMs: told apart from an abort", async () => {
    const { guard, clock } = setUp({ timeoutMs: 5000, attemptTimeoutMs: 2000, retry: { initialDelayMs: 100 } });
    const reasons: unknown[] = [];
    const pending = guard.run(({ signal }) => {
      signal.onabort = () => reasons.push(signal.reason);
      return never();
    });
    pending.catch(() => {});
    await clock.runAll();
    await expect(pending).rejects.toMatchObject({ name: "TimeoutError", phase: "call", limitMs: 5000 });
    expect(reasons).toMatchObject([{ phase: "attempt" }, { phase: "attempt" }, { phase: "call" }]);
    expect(clock.now()).toBe(5000);
    const brief = guard.run(never, { timeoutMs: 50 });
    brief.catch(() => {});
    await clock.runAll();
    await expect(brief).rejects.toMatchObject({ phase: "call", limitMs: 50 });
  });

  test("starts no attempt after timeoutMs where a pause ends shortly before it, however its calls are spread", async () => {
    const retry = { maxRetries: 0, initialDelayMs: 10_000 };
    const { guard, clock } = setUp({ timeoutMs: 2500, retry });
    await guard.run(() => Promise.reject(httpError(429, { "retry-after": "2" }))).catch(() => {});
    const startedAtMs: number[] = [];
    const calls = Array.from({ length: 50 }, () => guard.run(() => startedAtMs.push(clock.now())));
    await clock.runAll();
    await Promise.all(calls);
    expect(Math.min(...startedAtMs)).toBeGreaterThanOrEqual(2000);
    expect(Math.max(...startedAtMs)).toBeLessThan(2500);
  });

  test("starts no attempt after timeoutMs where a timer fires late, and does not hold that against the service", async () => {
    const clock = createFakeClock();
    const late: Clock = { ...clock, schedule: (callback, ms) => schedule(clock, callback, ms + 200) };
    const retry = { initialDelayMs: 900, jitter: false };
    const { guard, events } = setUp({ clock: late, timeoutMs: 1000, retry, circuitBreaker: { failureThreshold: 1 } });
    const attempts: number[] = [];
    const pending = guard.run(({ attempt }) => {
      attempts.push(attempt);
      throw Object.assign(new Error("once more, please"), { status: 400, isRetryable: true });
    });
    pending.catch(() => {});
    await clock.runAll();
    await expect(pending).rejects.toMatchObject({ name: "TimeoutError", phase: "call", limitMs: 1000 });
    expect(attempts).toEqual([1]);
    expect(events.map(({ type }) => type)).toEqual(["retry_scheduled", "error"]);
    expect(guard.state).toBe("closed");
  });

  test("ends a call at timeoutMs that waits for what the probes of its circuit find out", async () => {
    const circuitBreaker = { failureThreshold: 1, openMs: 1000, halfOpenRequests: 1, successThreshold: 1 };
    const { guard, clock } = setUp({ retry: false, circuitBreaker });
    await guard.run(() => Promise.reject(httpError(503))).catch(() => {});
    await clock.advance(1000);
    const probe = guard.run(() => clock.sleep(900));
    const work = vi.fn();
    const waiting = guard.run(work, { timeoutMs: 700 });
    waiting.catch(() => {});
    await clock.advance(699);
    expect(await stateOf(waiting)).toBe("pending");
    await clock.advance(1);
    expect(await stateOf(waiting)).toMatchObject({ name: "TimeoutError", phase: "call", limitMs: 700 });
    await clock.runAll();
    await probe;
    expect(work).not.toHaveBeenCalled();
    expect(guard.state).toBe("closed");
  });

  test("ignores a rejection that comes after the end", async () => {
    const { guard, clock } = setUp({ timeoutMs: 10, retry: false });
    const { promise, reject } = Promise.withResolvers<never>();
    const pending = guard.run(() => promise);
    pending.catch(() => {});
    await clock.runAll();
    await expect(pending).rejects.toMatchObject({ phase: "call" });
    reject(new Error("late"));
    await new Promise((resolve) => setImmediate(resolve));
  });

  test("shares a signal between 10,000 calls with one listener, no warning, and none left", async () => {
    const warnings: unknown[] = [];
    process.on("warning", (warning) => warnings.push(warning));
    const { guard, clock } = setUp();
    const { signal } = new AbortController();
    const calls = Array.from({ length: 10_000 }, () => guard.run(() => clock.sleep(10), { signal }));
    await clock.advance(0);
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await clock.runAll();
    await Promise.all(calls);
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    expect(warnings).toEqual([]);
  });

  test("makes no AbortController until someone reads the signal", async () => {
    const made = vi.fn();
    vi.stubGlobal(
      "AbortController",
      class extends AbortController {
        constructor() {
          super();
          made();
        }
      },
    );
    const { guard } = setUp({ timeoutMs: 1000, attemptTimeoutMs: 500 });
    await guard.run(() => "answer");
    expect(made).not.toHaveBeenCalled();
    await guard.run(({ signal }) => signal.aborted);
    vi.unstubAllGlobals();
    expect(made).toHaveBeenCalledOnce();
  });

  test("starts no timer for a retry without delay", async () => {
    const { guard, clock } = setUp({ retry: { initialDelayMs: 0 } });
    const schedule = vi.spyOn(clock, "schedule");
    const value = await guard.run(({ attempt }) => (attempt < 3 ? Promise.reject(httpError(503)) : "answer"));
    expect(value).toBe("answer");
    expect(schedule).not.toHaveBeenCalled();
  });

  test("asks the classifier that it is given", async () => {
    const { guard, clock } = setUp({
      classify: (error) => ({ ...classify(error, "crm"), isRetryable: error === "please again" }),
    });
    let calls = 0;
    const pending = guard.run(() => Promise.reject(calls++ === 0 ? "please again" : "no"));
    pending.catch(() => {});
    await clock.runAll();
    await expect(pending).rejects.toBe("no");
    expect(calls).toBe(2);
  });

  test("lets its call fail with what went wrong where the classifier itself throws, and leaves nothing", async () => {
    const { guard, clock, events } = setUp({
      timeoutMs: 1000,
      circuitBreaker: { failureThreshold: 1, openMs: 1000, halfOpenRequests: 1, successThreshold: 1 },
      classify: (error) => {
        if (error === "odd") throw new TypeError("broken classifier");
        return classify(error);
      },
    });
    const { signal } = new AbortController();
    await guard.run(() => Promise.reject(httpError(503, { "retry-after": "2" })), { signal }).catch(() => {});
    await clock.advance(1000);
    await expect(guard.run(() => Promise.reject("odd"), { signal })).rejects.toBe("odd");
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
    expect(events.at(-1)).toMatchObject({ type: "error", error: { category: "unknown" } });
    expect(await stateOf(guard.run(() => "answer"))).toBe("answer");
  });

  test.each([
    [
      "throws",
      () => {
        throw new Error("broken listener");
      },
    ],
    ["rejects", () => Promise.reject(new Error("broken listener"))],
  ])("is not disturbed by a listener that %s", async (_kind, onEvent) => {
    const { guard, clock } = setUp({ onEvent });
    const pending = guard.run(({ attempt }) => (attempt === 1 ? Promise.reject(httpError(503)) : "answer"));
    await clock.runAll();
    expect(await pending).toBe("answer");
  });
});

describe("options of a guard", () => {
  const faultsOf = (options: object) => {
    try {
      createGuard(options as GuardOptions);
    } catch (error) {
      if (InvalidOptionsError.isInstance(error)) return error.issues.map(({ path, allowed }) => `${path}: ${allowed}`);
    }
    return [];
  };

  test("are refused all at once, each with what is allowed", () => {
    const circuitBreaker = { successThreshold: 4 };
    expect(faultsOf({ timeoutMs: 0, retry: { maxRetrys: 1 }, circuitBreaker })).toEqual([
      expect.stringContaining("createGuard(…).timeoutMs: a number of milliseconds (at least 1)"),
      expect.stringContaining('retry.maxRetrys: no option of this name; did you mean "maxRetries"'),
      expect.stringContaining("circuitBreaker.successThreshold: at most halfOpenRequests, which is 3"),
    ]);
    expect(faultsOf({ name: "", retry: 5, clock: 1 })).toHaveLength(3);
  });

  test("of a single call are refused by a rejection", async () => {
    for (const timeoutMs of [0, -1, Number.NaN])
      await expect(createGuard().run(() => 1, { timeoutMs })).rejects.toBeInstanceOf(InvalidOptionsError);
  });
});
