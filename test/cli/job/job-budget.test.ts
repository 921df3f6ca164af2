import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JobBudget } from "../../../src/cli/job/job-tally.ts";

describe("JobBudget", () => {
  test("runs that keep to their part never cost more than the ceiling together, in any order of ends", async () => {
    const costs = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 30 });
    const limits = fc.double({ min: 0.1, max: 3, noNaN: true });
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        costs,
        limits,
        fc.integer({ min: 1, max: 8 }),
        async (scheduler, wanted, limitUsd, concurrency) => {
          const budget = new JobBudget(limitUsd, concurrency);
          let spentUsd = 0;
          const waiting = [...wanted];
          const work = async () => {
            for (let costUsd = waiting.pop(); costUsd !== undefined; costUsd = waiting.pop()) {
              const partUsd = await budget.admit();
              if (partUsd === undefined) return;
              await scheduler.schedule(Promise.resolve());
              const paidUsd = Math.min(costUsd, partUsd);
              spentUsd += paidUsd;
              budget.settle(partUsd, paidUsd);
            }
          };
          await scheduler.waitFor(Promise.all(Array.from({ length: concurrency }, work)));
          expect(spentUsd).toBeLessThanOrEqual(limitUsd * (1 + 1e-9));
        },
      ),
    );
  });

  test("equal runs use the whole ceiling: as many of them as fit", async () => {
    const equal = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 8 }));
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), equal, async (scheduler, [fitting, concurrency]) => {
        const budget = new JobBudget(fitting + 0.5, concurrency);
        let count = 0;
        const work = async () => {
          for (let partUsd = await budget.admit(); partUsd !== undefined; partUsd = await budget.admit()) {
            await scheduler.schedule(Promise.resolve());
            count++;
            budget.settle(partUsd, 1);
          }
        };
        await scheduler.waitFor(Promise.all(Array.from({ length: concurrency }, work)));
        expect(count).toBe(fitting);
      }),
    );
  });

  test("counts the cost of earlier starts of the job", async () => {
    const budget = new JobBudget(1, 4);
    budget.keep(0.6);
    expect(await budget.admit()).toBeUndefined();
  });

  test("without a ceiling every run starts at once", async () => {
    const budget = new JobBudget(undefined, 2);
    const parts = await Promise.all(Array.from({ length: 100 }, () => budget.admit()));
    expect(new Set(parts)).toEqual(new Set([Number.POSITIVE_INFINITY]));
  });
});
