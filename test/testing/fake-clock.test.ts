import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createFakeClock } from "../../src/testing.ts";

describe("a fake clock", () => {
  test("stands still until it is moved", async () => {
    const clock = createFakeClock(1_000);
    let isAwake = false;
    const sleeping = clock.sleep(10).then(() => {
      isAwake = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect([clock.now(), clock.pending, isAwake]).toEqual([1_000, 1, false]);
    await clock.advance(9);
    expect(isAwake).toBe(false);
    await clock.advance(1);
    await sleeping;
    expect([clock.now(), clock.pending, isAwake]).toEqual([1_010, 0, true]);
  });

  test("fires timers in the order in which they are due, and equal ones in that of their making", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 5 }), { maxLength: 8 }), async (delays) => {
        const clock = createFakeClock();
        const fired: { index: number; atMs: number }[] = [];
        for (const [index, ms] of delays.entries())
          clock.schedule?.(() => fired.push({ index, atMs: clock.now() }), ms);
        await clock.advance(5);
        const expected = delays
          .map((atMs, index) => ({ index, atMs }))
          .sort((a, b) => a.atMs - b.atMs || a.index - b.index);
        expect(fired).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  test("lets what a timer starts settle before it fires the next", async () => {
    const clock = createFakeClock();
    const log: string[] = [];
    const sleepy = async (name: string, ms: number) => {
      await clock.sleep(ms);
      log.push(`${name} ${clock.now()}`);
      await clock.sleep(ms);
      log.push(`${name} ${clock.now()}`);
    };
    const both = Promise.all([sleepy("a", 10), sleepy("b", 15)]);
    await clock.advance(30);
    await both;
    expect(log).toEqual(["a 10", "b 15", "a 20", "b 30"]);
  });

  test("runs to the end of what timers start, real input and output in between included", async () => {
    const clock = createFakeClock();
    let rounds = 0;
    const work = (async () => {
      for (; rounds < 3; rounds++) {
        await clock.sleep(60_000);
        await readFile(import.meta.filename);
      }
    })();
    await clock.runAll();
    await work;
    expect([rounds, clock.now(), clock.pending]).toEqual([3, 180_000, 0]);
  });

  test("wakes a sleeper in the tick of an abort, with its reason, and drops its timer", async () => {
    const clock = createFakeClock();
    const controller = new AbortController();
    const sleeping = clock.sleep(10, { signal: controller.signal });
    controller.abort("enough");
    expect(clock.pending).toBe(0);
    await expect(sleeping).rejects.toBe("enough");
    await expect(clock.sleep(10, { signal: controller.signal })).rejects.toBe("enough");
  });

  test("forgets a timer that is cancelled", async () => {
    const clock = createFakeClock();
    const cancel = clock.schedule?.(() => expect.unreachable(), 10);
    cancel?.();
    await clock.runAll();
    expect([clock.now(), clock.pending]).toEqual([0, 0]);
  });
});
