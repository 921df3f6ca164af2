import { describe, expect, test } from "vitest";
import { call, httpError, script, setUp } from "./set-up.ts";

/** Room for one call at a time. */
const limits = { tokens: 100 };
const wholeBudget = { bound: () => ({ tokens: 100 }) };

describe("a call that has waited for its budget since the circuit let it through", () => {
  test("waits for the pause, too, that its provider has asked for meanwhile", async () => {
    const { guard, clock } = setUp({ limits, config: { maxRetries: 0, jitter: false } });
    const startedAtMs: number[] = [];
    const refused = guard(script([httpError(429, { "retry-after": "30" })], wholeBudget));
    const waiting = [1, 2].map(() => guard(call(() => void startedAtMs.push(clock.now()), wholeBudget)));
    await clock.runAll();
    expect(await refused).toMatchObject({ ok: false, failure: { category: "rate_limit" } });
    expect((await Promise.all(waiting)).map(({ ok }) => ok)).toEqual([true, true]);
    // After the pause, the rate is tried with one call.
    expect(startedAtMs[0]).toBe(30_000);
    expect(startedAtMs[1]).toBeGreaterThanOrEqual(30_000);
  });

  test("is not made where the circuit has opened meanwhile", async () => {
    const { guard, clock, ledger } = setUp({
      limits,
      config: { maxRetries: 0, circuitBreaker: { failureThreshold: 1 } },
    });
    const failed = guard(script([httpError(503)], wholeBudget));
    const waiting = script(["never"], wholeBudget);
    const outcome = guard(waiting);
    await clock.runAll();
    expect((await failed).ok).toBe(false);
    expect(await outcome).toMatchObject({ ok: false, attempts: 0, failure: { category: "circuit_open" } });
    expect(waiting.attempts).toBe(0);
    expect(ledger.remaining()).toEqual({ tokens: 100 });
  });
});
