import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { resolveOptions } from "../../src/core/options.ts";
import { seededRandom } from "../../src/core/random.ts";
import type { Classification } from "../../src/guard/classify.ts";
import { RetryBudget, RetryBudgets } from "../../src/guard/per-provider.ts";
import { type RetryConfig, retryConfig } from "../../src/guard/reliability-config.ts";
import { backoffDelayMs, RetryState } from "../../src/guard/retry.ts";

const config = (options: RetryConfig = {}) => resolveOptions(retryConfig, options);
const failure = (more: Partial<Classification> = {}): Classification => ({
  category: "server_error",
  isRetryable: true,
  breaker: "failure",
  code: "HTTP_503",
  ...more,
});
const anyConfig = fc.record({
  initialDelayMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5000 })),
  maxDelayMs: fc.integer({ min: 0, max: 60_000 }),
  exponentialBase: fc.oneof(fc.double({ min: 1, max: 4, noNaN: true }), fc.constantFrom(1e3, 1e300)),
  jitter: fc.boolean(),
});

describe("the delay before a retry", () => {
  test("lies between what the provider asks for and that plus the bound, whatever the options", () => {
    fc.assert(
      fc.property(anyConfig, fc.nat(400), fc.nat(300_000), fc.integer(), (options, n, askedMs, seed) => {
        const growth = Math.min(Number.MAX_VALUE, options.exponentialBase ** n);
        const boundMs = Math.min(options.maxDelayMs, options.initialDelayMs * growth);
        const delayMs = backoffDelayMs(config(options), n, seededRandom(seed), askedMs);
        expect(delayMs).toBeGreaterThanOrEqual(askedMs);
        expect(delayMs).toBeLessThanOrEqual(askedMs + boundMs);
        if (!options.jitter) expect(delayMs).toBe(Math.max(askedMs, boundMs));
      }),
    );
  });

  test("is uniform with jitter: a tenth of the delays in each tenth of the bound", () => {
    const random = seededRandom(7);
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let sample = 0; sample < 10_000; sample++) tenths[Math.floor(backoffDelayMs(config(), 0, random) / 100)]!++;
    for (const count of tenths) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });

  test("grows by the base up to maxDelayMs without jitter", () => {
    const delays = [0, 1, 2, 3, 10].map((n) => backoffDelayMs(config({ jitter: false }), n, seededRandom(1)));
    expect(delays).toEqual([1000, 2000, 4000, 8000, 60_000]);
  });
});

describe("the retries of a call", () => {
  const retries = (options: RetryConfig = {}, budget?: RetryBudget) =>
    new RetryState({ config: config(options), random: seededRandom(1) }, budget);

  test("never wait longer in all than maxTotalDelayMs, what the provider asks for not counted", () => {
    const delays = retries({ maxRetries: 100, jitter: false, maxDelayMs: 1000, maxTotalDelayMs: 3500 });
    const verdicts = Array.from({ length: 5 }, () =>
      delays.next(failure({ category: "rate_limit", retryAfterMs: 500 }), Number.POSITIVE_INFINITY),
    );
    expect(verdicts.filter(({ isRetried }) => isRetried)).toHaveLength(5);
    const own = retries({ maxRetries: 100, jitter: false, maxDelayMs: 1000, maxTotalDelayMs: 3500 });
    const ownVerdicts = Array.from({ length: 5 }, () => own.next(failure(), Number.POSITIVE_INFINITY));
    expect(ownVerdicts.map(({ isRetried }) => isRetried)).toEqual([true, true, true, false, false]);
    expect(ownVerdicts.at(-1)).toMatchObject({ reason: expect.stringContaining("maxTotalDelayMs = 3500 ms") });
  });

  test("are not begun where they would be due after the deadline", () => {
    expect(retries({ jitter: false }).next(failure(), 1000)).toMatchObject({ isRetried: false });
    expect(retries({ jitter: false }).next(failure(), 1001)).toMatchObject({ isRetried: true, delayMs: 1000 });
    const reason = "the deadline has passed";
    for (const leftMs of [0, -200]) expect(retries().next(failure(), leftMs)).toEqual({ isRetried: false, reason });
  });

  test("wait for a long Retry-After only where nothing else could take over", () => {
    const limited = failure({ category: "rate_limit", retryAfterMs: 60_001 });
    expect(retries().next(limited, Number.POSITIVE_INFINITY).isRetried).toBe(true);
    expect(retries().next(limited, Number.POSITIVE_INFINITY, true).isRetried).toBe(false);
  });

  test("after an invalid answer cost nothing, and give nothing back that an earlier one had cost", () => {
    const budget = new RetryBudget();
    const mixed = retries({}, budget);
    mixed.next(failure(), Number.POSITIVE_INFINITY);
    expect(mixed.next(failure({ category: "invalid_output" }), 10)).toEqual({ isRetried: true, delayMs: 0 });
    expect([budget.tokens, mixed.lastCost]).toEqual([495, 0]);
    expect(mixed.next(failure({ category: "invalid_output" }), 10)).toMatchObject({ isRetried: false });
  });

  test("after an invalid answer are one a call and none of maxRetries, and lengthen no wait", () => {
    const invalid = failure({ category: "invalid_output" });
    const none = retries({ maxRetries: 0 });
    expect(none.next(failure(), Number.POSITIVE_INFINITY).isRetried).toBe(false);
    expect(none.next(invalid, Number.POSITIVE_INFINITY)).toEqual({ isRetried: true, delayMs: 0 });
    expect(none.next(invalid, Number.POSITIVE_INFINITY).isRetried).toBe(false);
    const two = retries({ maxRetries: 2, jitter: false });
    const verdicts = [invalid, failure(), invalid, failure(), failure()].map((each) =>
      two.next(each, Number.POSITIVE_INFINITY),
    );
    expect(verdicts.map((verdict) => verdict.isRetried && verdict.delayMs)).toEqual([0, 1000, false, 2000, false]);
    const unwanted = retries();
    expect(unwanted.next({ ...invalid, isRetryable: false }, Number.POSITIVE_INFINITY).isRetried).toBe(false);
  });

  test("cost 5 of the retry budget, 10 after a timeout, and nothing where they are refused", () => {
    const budget = new RetryBudget();
    const spent = retries({}, budget);
    spent.next(failure(), Number.POSITIVE_INFINITY);
    expect(budget.tokens).toBe(495);
    spent.next(failure({ category: "timeout" }), Number.POSITIVE_INFINITY);
    expect([budget.tokens, spent.lastCost]).toEqual([485, 10]);
    spent.next(failure(), 1);
    expect(budget.tokens).toBe(485);
  });
});

describe("a retry budget", () => {
  test("stays between 0 and 500 tokens, whatever is taken and given", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("retry", "timeout", "first try", "repaid"), { maxLength: 300 }), (steps) => {
        const budget = new RetryBudget();
        for (const step of steps) {
          const before = budget.tokens;
          if (step === "first try") budget.deposit();
          else {
            const cost = budget.withdraw(step === "timeout");
            expect(before - budget.tokens).toBe(cost);
            if (step === "repaid") budget.deposit(cost);
          }
          expect(budget.tokens).toBeGreaterThanOrEqual(0);
          expect(budget.tokens).toBeLessThanOrEqual(500);
        }
      }),
    );
  });

  test("recovers by calls that succeed at once", () => {
    const budget = new RetryBudget();
    while (budget.withdraw(false) > 0);
    for (let call = 0; call < 5; call++) budget.deposit();
    expect(budget.withdraw(false)).toBe(5);
    expect(budget.withdraw(false)).toBe(0);
  });

  test("is one a provider", () => {
    const budgets = new RetryBudgets();
    budgets.of("a").withdraw(false);
    expect([budgets.of("a").tokens, budgets.of("b").tokens]).toEqual([495, 500]);
  });
});
