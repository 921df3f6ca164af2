import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Replicate } from "../../../src/contract/bundle.ts";
import { createSlicedRule } from "../../../src/evidence/stopping.ts";
import { type Asked, type Schedule, scheduleReplicates } from "../../../src/tool/bundle/replicate-scheduler.ts";

const answers = fc.array(fc.integer({ min: -1, max: 2 }), { minLength: 1, maxLength: 12 });
const rules = fc.constantFrom("lossless", "horizon", "beta", "none", "epsilon" as const);

/** Replicates by answer; -1 is an invalid one. */
function replicateOf(answer: number, index: number): Replicate {
  const base = { id: `r${index + 1}`, elapsedMs: 0, seed: index, model: "m", attempts: 1 };
  return answer < 0
    ? { ...base, valid: false, data: null, quality: { valid: false, errors: ["invalid"] } }
    : { ...base, valid: true, data: answer, quality: { valid: true } };
}

async function runInOrder(
  order: fc.Scheduler | undefined,
  given: readonly number[],
  rule: string,
  maxParallel: number,
) {
  const asked: number[] = [];
  let [inFlight, mostInFlight] = [0, 0];
  const schedule = scheduleReplicates({
    k: given.length,
    maxParallel,
    rule: createSlicedRule({ k: given.length, rule: rule as "lossless" }),
    ask: async (index): Promise<Asked> => {
      asked.push(index);
      mostInFlight = Math.max(mostInFlight, ++inFlight);
      await order?.schedule(Promise.resolve(), `replicate ${index}`);
      inFlight--;
      return { replicate: replicateOf(given[index] as number, index) };
    },
    *onObserved() {},
  });
  if (order) await order.waitFor(schedule);
  return { schedule: await schedule, asked, mostInFlight };
}

const ids = ({ replicates, stopReason }: Schedule) => [replicates.map(({ id }) => id), stopReason];

describe("the scheduler", () => {
  test("gives the same bundle whatever finishes first", async () => {
    await fc.assert(
      fc.asyncProperty(answers, rules, fc.scheduler(), async (given, rule, order) => {
        const oneByOne = await runInOrder(undefined, given, rule, 1);
        const anyOrder = await runInOrder(order, given, rule, 100);
        expect(ids(anyOrder.schedule)).toEqual(ids(oneByOne.schedule));
      }),
      { numRuns: 500 },
    );
  });

  test("asks for no replicate that asking one by one would not have asked for", async () => {
    await fc.assert(
      fc.asyncProperty(answers, rules, async (given, rule) => {
        const oneByOne = await runInOrder(undefined, given, rule, 1);
        const atOnce = await runInOrder(undefined, given, rule, 100);
        expect(atOnce.asked.length).toBe(oneByOne.asked.length);
      }),
    );
  });

  test("never has more in flight than maxParallel", async () => {
    await fc.assert(
      fc.asyncProperty(answers, fc.integer({ min: 1, max: 5 }), fc.scheduler(), async (given, maxParallel, order) => {
        const { mostInFlight } = await runInOrder(order, given, "none", maxParallel);
        expect(mostInFlight).toBeLessThanOrEqual(maxParallel);
      }),
    );
  });

  test("keeps what is in flight and asks for no more once asking is hopeless", async () => {
    const failure = {
      error: new Error("no key"),
      facts: { type: "Error", message: "", code: "", isRetryable: false, attempts: 1 },
    };
    const asked: number[] = [];
    const schedule = await scheduleReplicates({
      k: 10,
      maxParallel: 10,
      rule: createSlicedRule({ k: 10, rule: "none" }),
      ask: async (index) => {
        asked.push(index);
        return index === 0 ? { failure, isHopeless: true } : { replicate: replicateOf(1, index) };
      },
      *onObserved() {},
    });
    expect(schedule.halt).toBe(failure);
    expect(asked.length).toBe(10);
    expect(schedule.replicates.map(({ id }) => id)).toEqual(["r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10"]);
  });

  test("asks for the fewest that can end it at once: two of three, then the third only if they differ", async () => {
    expect((await runInOrder(undefined, [1, 1, 0], "lossless", 10)).asked).toEqual([0, 1]);
    expect((await runInOrder(undefined, [1, 0, 0], "lossless", 10)).asked).toEqual([0, 1, 2]);
  });

  test("waits for what is in flight before it fails for what went wrong in one of them", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(4), fc.scheduler(), async (faulty, order) => {
        let inFlight = 0;
        let [asked, askedAtFault] = [0, 0];
        const schedule = scheduleReplicates({
          k: 20,
          maxParallel: 5,
          rule: createSlicedRule({ k: 20, rule: "none" }),
          async ask(index) {
            asked++;
            inFlight++;
            await order.schedule(Promise.resolve(), `replicate ${index}`);
            inFlight--;
            if (index === faulty) askedAtFault = asked;
            if (index === faulty) throw new Error("the journal is gone");
            return { replicate: replicateOf(index, index) };
          },
          *onObserved() {},
        });
        const error = schedule.catch((thrown: Error) => [thrown.message, inFlight]);
        await order.waitFor(error);
        expect(await error).toEqual(["the journal is gone", 0]);
        expect(asked).toBe(askedAtFault);
      }),
    );
  });
});
