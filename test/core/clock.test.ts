import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Clock, schedule, systemClock, timestamp } from "../../src/core/clock.ts";
import { createFakeClock } from "../../src/testing.ts";

describe("the real clock", () => {
  test("never goes backwards, and tells the time of day", () => {
    const times = Array.from({ length: 1_000 }, () => systemClock.now());
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(60_000);
  });

  test("calls back at once what is overdue, without a warning of Node's", async () => {
    const warnings: Error[] = [];
    const hear = (warning: Error) => void warnings.push(warning);
    process.on("warning", hear);
    await new Promise<void>((resolve) => systemClock.schedule(resolve, -5));
    await systemClock.sleep(-5);
    process.off("warning", hear);
    expect(warnings).toEqual([]);
  });

  test("never calls back before the time has passed, by its own measure, fractions of a millisecond included", async () => {
    const earlyMs: number[] = [];
    const delaysMs = Array.from({ length: 300 }, (_, index) => 1 + (index % 40) / 10);
    for (let turn = 0; turn < delaysMs.length; turn += 30) {
      const calls = delaysMs.slice(turn, turn + 30).map((ms) => {
        const dueMs = systemClock.now() + ms;
        const late = () => void earlyMs.push(dueMs - systemClock.now());
        return turn % 60 === 0 ? systemClock.sleep(ms).then(late) : callBack(late, ms);
      });
      await Promise.all(calls);
    }
    expect(earlyMs).toHaveLength(300);
    expect(Math.max(...earlyMs)).toBeLessThanOrEqual(0);
  });

  describe("on timers that a test moves", () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
    afterEach(() => void vi.useRealTimers());

    test("sleeps as long as it is asked to, and leaves no listener", async () => {
      const { signal } = new AbortController();
      let isAwake = false;
      const sleeping = systemClock.sleep(250, { signal }).then(() => {
        isAwake = true;
      });
      await vi.advanceTimersByTimeAsync(249);
      expect(isAwake).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      await sleeping;
      expect(getEventListeners(signal, "abort")).toEqual([]);
      expect(vi.getTimerCount()).toBe(0);
    });

    test("wakes in the tick of an abort, with its reason, and leaves no timer", async () => {
      const controller = new AbortController();
      const reason = new Error("enough");
      const sleeping = systemClock.sleep(60_000, { signal: controller.signal });
      controller.abort(reason);
      expect(vi.getTimerCount()).toBe(0);
      await expect(sleeping).rejects.toBe(reason);
      await expect(systemClock.sleep(1, { signal: controller.signal })).rejects.toBe(reason);
      expect(vi.getTimerCount()).toBe(0);
    });

    test("waits for more than the 24.8 days that one timer can wait", async () => {
      const days = 24 * 60 * 60 * 1000;
      let isAwake = false;
      systemClock.schedule(() => {
        isAwake = true;
      }, 60 * days);
      await vi.advanceTimersByTimeAsync(60 * days - 1);
      expect(isAwake).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      expect(isAwake).toBe(true);
    });

    test("forgets what it was to do once that is cancelled, even after the first 24.8 days", async () => {
      const days = 24 * 60 * 60 * 1000;
      const cancel = systemClock.schedule(() => expect.unreachable(), 60 * days);
      await vi.advanceTimersByTimeAsync(30 * days);
      cancel();
      expect(vi.getTimerCount()).toBe(0);
    });
  });
});

function callBack(callback: () => void, ms: number): Promise<void> {
  return new Promise((resolve) => {
    systemClock.schedule(() => {
      callback();
      resolve();
    }, ms);
  });
}

describe("schedule, on a clock that only sleeps", () => {
  const sleepingOnly = () => {
    const fake = createFakeClock();
    const clock: Clock = { now: fake.now, sleep: fake.sleep };
    return { fake, clock };
  };

  test("calls back once, when it is due", async () => {
    const { fake, clock } = sleepingOnly();
    let calls = 0;
    schedule(clock, () => calls++, 100);
    await fake.advance(99);
    expect(calls).toBe(0);
    await fake.runAll();
    expect(calls).toBe(1);
  });

  test("does not call back once it is cancelled, and leaves no timer", async () => {
    const { fake, clock } = sleepingOnly();
    const cancel = schedule(clock, () => expect.unreachable(), 100);
    await fake.advance(50);
    cancel();
    expect(fake.pending).toBe(0);
    await fake.advance(100);
  });

  test("does not call back either where it is cancelled in the moment in which it is due", async () => {
    let wake = () => {};
    const clock: Clock = {
      now: () => 0,
      sleep: () =>
        new Promise((resolve) => {
          wake = resolve;
        }),
    };
    const cancel = schedule(clock, () => expect.unreachable(), 100);
    wake();
    cancel();
    await new Promise((resolve) => setImmediate(resolve));
  });
});

test("a timestamp is the clock's time in ISO 8601", () => {
  expect(timestamp(createFakeClock(Date.UTC(2026, 0, 2, 3, 4, 5, 6)))).toBe("2026-01-02T03:04:05.006Z");
});
