import { getEventListeners } from "node:events";
import fc from "fast-check";
import { expect, test } from "vitest";
import { schedule } from "../../src/core/clock.ts";
import { seededRandom } from "../../src/core/random.ts";
import type { Attempt } from "../../src/guard/create-guard.ts";
import { createGuard, type GuardOptions } from "../../src/guard/create-guard.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { httpError } from "./set-up.ts";

const retry = fc.record({
  maxRetries: fc.constantFrom(0, 1, 5),
  initialDelayMs: fc.constantFrom(0, 1, 100, 1000),
  maxDelayMs: fc.constantFrom(0, 1, 60_000),
  exponentialBase: fc.constantFrom(1, 2, 1e300),
  jitter: fc.boolean(),
});
const circuitBreaker = fc.record({
  openMs: fc.constantFrom(1, 50, 1000),
  windowMs: fc.constantFrom(1, 100, 60_000),
  failureThreshold: fc.constantFrom(1, 1, 3),
  halfOpenRequests: fc.constantFrom(1, 2),
  successThreshold: fc.constant(1),
});
const world = fc.record({
  retry: fc.oneof(fc.constant<false>(false), retry),
  circuitBreaker,
  timeoutMs: fc.constantFrom(1, 100, 3000),
  attemptTimeoutMs: fc.constantFrom(undefined, 1, 1000),
  /** By how much each timer is late, in turn. */
  lateMs: fc.array(fc.constantFrom(0, 0, 0, 3, 400), { minLength: 1, maxLength: 5 }),
});

type End = "answer" | "hang" | "pause" | number;
const step = fc.record({
  end: fc.constantFrom<End>("answer", "answer", "hang", "pause", 400, 429, 503, 503),
  afterMs: fc.constantFrom(0, 1, 30, 1500),
});
const call = fc.record({
  beforeMs: fc.constantFrom(0, 0, 1, 100, 1000),
  /** Below 0: before the call. */
  abortsAfterMs: fc.constantFrom(undefined, undefined, undefined, -1, 0, 50, 2500),
  steps: fc.array(step, { minLength: 1, maxLength: 6 }),
});

const pauseMs = 700;

test("a guard keeps its promises whatever its options, its service, its callers and its timers do", async () => {
  const seen = { attempts: 0, aborts: 0, outOfTime: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(world, fc.array(call, { minLength: 5, maxLength: 20 }), async ({ lateMs, ...options }, calls) => {
      const clock = createFakeClock();
      let timers = 0;
      const late = (callback: () => void, ms: number) =>
        schedule(clock, callback, ms + (lateMs[timers++ % lateMs.length] ?? 0));
      const guard = createGuard({
        ...(options as GuardOptions),
        clock: { now: clock.now, sleep: clock.sleep, schedule: late },
        random: seededRandom(1),
      });
      let pausedUntilMs = 0;
      const broken = new Set<string>();
      const outcomes: Promise<void>[] = [];
      const maxAttempts = options.retry ? options.retry.maxRetries + 1 : 1;
      const signals: AbortSignal[] = [];

      for (const { beforeMs, abortsAfterMs, steps } of calls) {
        await clock.advance(beforeMs);
        const startedAtMs = clock.now();
        const controller = new AbortController();
        const { signal } = controller;
        signals.push(signal);
        const reason = new Error("left");
        if (abortsAfterMs === -1) controller.abort(reason);
        else if (abortsAfterMs !== undefined) schedule(clock, () => controller.abort(reason), abortsAfterMs);

        const attempt = async ({ attempt, signal: ends }: Attempt) => {
          seen.attempts++;
          // Noted, not thrown: the guard would take it for a failure of the service.
          if (attempt > maxAttempts) broken.add("made no more attempts than it may");
          if (clock.now() >= startedAtMs + options.timeoutMs) broken.add("started nothing after the call's time");
          if (clock.now() < pausedUntilMs) broken.add("started nothing in a pause");
          if (signal.aborted) broken.add("started nothing after an abort");
          const { end, afterMs } = steps[(attempt - 1) % steps.length] as (typeof steps)[number];
          if (afterMs > 0) await clock.sleep(afterMs);
          if (end === "hang") return new Promise(() => {});
          if (end === "answer") return;
          if (end !== "pause") throw httpError(end);
          const untilMs = clock.now() + pauseMs;
          // The guard hears of it a few turns after it is thrown.
          setImmediate(() => {
            if (!ends.aborted) pausedUntilMs = Math.max(pausedUntilMs, untilMs);
          });
          throw httpError(429, { "retry-after-ms": String(pauseMs) });
        };
        outcomes.push(
          guard.run(attempt, { signal }).then(
            () => {},
            (error) => {
              if (signal.aborted && error !== reason) broken.add("rejected with the abort's reason");
              if (signal.aborted) seen.aborts++;
              if (error.phase === "call") seen.outOfTime++;
              if (error.code === "CIRCUIT_OPEN") seen.refused++;
            },
          ),
        );
      }
      await clock.advance(100_000);
      await Promise.all(outcomes);
      expect([...broken]).toEqual([]);
      expect(clock.pending).toBe(0);
      for (const signal of signals) expect(getEventListeners(signal, "abort")).toEqual([]);
    }),
    { numRuns: 300 },
  );
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(100);
});
