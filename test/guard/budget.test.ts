import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BudgetExceeded } from "../../src/contract/errors.ts";
import type { Budget, Spent } from "../../src/contract/usage.ts";
import { CancelScope } from "../../src/core/signal.ts";
import type { BudgetOverrun } from "../../src/guard/account.ts";
import { BudgetLedger } from "../../src/guard/budget.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";

const clock = createFakeClock();
const scope = new CancelScope();
const tokens = (amount: number, costUsd: number | null = 0): Spent => ({
  usage: { inputTokens: amount, outputTokens: 0, totalTokens: amount },
  costUsd,
});
const bound = (budget?: Budget) => ({ bound: () => budget, scope });

/** Whether a promise is still pending after all that can happen without time passing. */
async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true;
  promise.then(
    () => (pending = false),
    () => (pending = false),
  );
  await clock.advance(0);
  return pending;
}

describe("BudgetLedger", () => {
  test.each([{ tokens: Number.NaN }, { costUsd: -1 }, { token: 5 }, { timeMs: "1 s" as unknown as number }])(
    "refuses %j, which would limit nothing, or everything for ever",
    (limits) => {
      const [name] = Object.keys(limits);
      expect(() => new BudgetLedger({ limits })).toThrow(new RegExp(`limits\\.${name}: got`));
    },
  );

  test("never starts more than 37 of 100 calls under a ceiling that allows 37, in whatever order they end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const ledger = new BudgetLedger({ limits: { costUsd: 0.37 }, clock });
        let started = 0;
        const calls = Array.from({ length: 100 }, async () => {
          const reservation = await ledger.reserve(bound({ costUsd: 0.01 }));
          started++;
          await scheduler.schedule(Promise.resolve());
          reservation.settle(tokens(1, 0.01));
        });
        const settled = Promise.allSettled(calls);
        await scheduler.waitFor(settled);
        const refused = (await settled).filter((call) => call.status === "rejected");
        expect(started).toBe(37);
        expect(refused).toHaveLength(63);
        for (const { reason } of refused) expect(reason).toBeInstanceOf(BudgetExceeded);
      }),
      { numRuns: 200 },
    );
  });

  test("keeps used and reserved under every ceiling, and grants in the order asked, under any interleaving", async () => {
    const call = fc.record({
      bound: fc.integer({ min: 0, max: 60 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    await fc.assert(
      fc.asyncProperty(fc.scheduler(), fc.array(call, { maxLength: 30 }), async (scheduler, calls) => {
        const run = new BudgetLedger({ limits: { tokens: 200 }, clock });
        const bundle = run.child({ tokens: 150 });
        let held = 0;
        const grants: number[] = [];
        const work = calls.map(async ({ bound: most, share }, index) => {
          const reservation = await bundle.reserve(bound({ tokens: most }));
          grants.push(index);
          held += most;
          expect(held).toBeLessThanOrEqual(150);
          expect(run.remaining().tokens).toBe((bundle.remaining().tokens ?? 0) + 50);
          await scheduler.schedule(Promise.resolve());
          const actual = Math.floor(most * share);
          held -= most - actual;
          reservation.settle(tokens(actual));
        });
        const settled = Promise.allSettled(work);
        await scheduler.waitFor(settled);
        for (const outcome of await settled)
          if (outcome.status === "rejected") expect(outcome.reason).toBeInstanceOf(BudgetExceeded);
        expect(grants).toEqual([...grants].sort((a, b) => a - b));
        expect(bundle.spent.usage.totalTokens).toBe(held);
        expect(run.spent.usage.totalTokens).toBe(held);
      }),
      { numRuns: 300 },
    );
  });

  test("lets a call wait while one in flight may give something back, and starts it when that does", async () => {
    const ledger = new BudgetLedger({ limits: { tokens: 100 }, clock });
    const first = await ledger.reserve(bound({ tokens: 80 }));
    const second = ledger.reserve(bound({ tokens: 60 }));
    expect(await isPending(second)).toBe(true);
    first.settle(tokens(30));
    (await second).settle(tokens(60));
    expect(ledger.remaining()).toEqual({ tokens: 10 });
  });

  test("refuses at once what nothing in flight can make fit, naming limit and need", async () => {
    const ledger = new BudgetLedger({ limits: { tokens: 100 }, clock });
    const first = await ledger.reserve(bound({ tokens: 80 }));
    first.charge(tokens(50));
    const refusal = await ledger.reserve(bound({ tokens: 60 })).catch((error) => error);
    expect(refusal).toMatchObject({ budgetType: "tokens", limit: 100, actual: 110 });
  });

  test("asks for the bound anew when the turn comes, with what is left by then", async () => {
    const ledger = new BudgetLedger({ limits: { tokens: 100 }, clock });
    const first = await ledger.reserve(bound({ tokens: 95 }));
    const asked: (number | undefined)[] = [];
    const second = ledger.reserve({
      scope,
      bound: ({ tokens: left = 0 }) => {
        asked.push(left);
        return { tokens: Math.max(20, left) };
      },
    });
    first.settle(tokens(40));
    expect((await second).reserved).toEqual({ tokens: 60 });
    expect(asked).toEqual([5, 60]);
  });

  test("runs a call of unknown size alone, and sizes the next by the largest seen", async () => {
    const overruns: BudgetOverrun[] = [];
    const ledger = new BudgetLedger({ limits: { tokens: 100 }, clock, onOverrun: (overrun) => overruns.push(overrun) });
    const first = await ledger.reserve(bound());
    const second = ledger.reserve(bound());
    const third = ledger.reserve(bound());
    expect(await isPending(second)).toBe(true);
    first.settle(tokens(30));
    expect((await second).reserved).toEqual({ tokens: 30 });
    expect((await third).reserved).toEqual({ tokens: 30 });
    (await second).settle(tokens(80));
    expect(overruns).toEqual([{ budgetType: "tokens", limit: 100, actual: 110 }]);
    await expect(ledger.reserve(bound())).rejects.toBeInstanceOf(BudgetExceeded);
  });

  test("counts and gives back all the same where whoever hears of an overrun throws, or rejects", async () => {
    const failing = [() => Promise.reject(new Error("listener")), () => expect.fail("listener")];
    for (const onOverrun of failing) {
      const ledger = new BudgetLedger({ limits: { tokens: 100, costUsd: 1 }, clock, onOverrun });
      (await ledger.reserve(bound({ tokens: 60, costUsd: 0.9 }))).settle(tokens(100.5, 0.25));
      expect(ledger.spent).toMatchObject({ usage: { totalTokens: 100.5 }, costUsd: 0.25 });
      expect(ledger.remaining().costUsd).toBe(0.75);
    }
  });

  test("takes a bound that is no number for one that nobody knows, of time too", async () => {
    const ledger = new BudgetLedger({ limits: { tokens: 100, timeMs: 1000 }, clock });
    const { reserved } = await ledger.reserve(bound({ tokens: 10, timeMs: Number.NaN }));
    expect(reserved.tokens).toBe(10);
  });

  test("takes the ceiling of a call for its bound where the tool knows none, over all its attempts", async () => {
    const ledger = new BudgetLedger({ limits: { tokens: 100 }, clock });
    const call = ledger.forCall({ tokens: 20 });
    (await call.reserve(bound())).settle(tokens(15));
    expect((await call.reserve(bound())).reserved).toEqual({ tokens: 5 });
    await expect(call.reserve(bound({ tokens: 6 }))).rejects.toMatchObject({ limit: 20, actual: 21 });
    expect(ledger.spent.usage.totalTokens).toBe(15);
  });

  test("takes the ceiling of a part of the work for no call's bound: it is shared by all calls of that part", async () => {
    const part = new BudgetLedger({ limits: { tokens: 100 }, clock }).child({ tokens: 20 });
    (await part.reserve(bound())).settle(tokens(3));
    expect((await part.reserve(bound())).reserved).toEqual({ tokens: 3 });
  });

  test("does not drift: 10,000 payments of a tenth of a cent empty ten dollars exactly", async () => {
    const ledger = new BudgetLedger({ limits: { costUsd: 10 }, clock });
    for (let call = 0; call < 10_000; call++)
      (await ledger.reserve(bound({ costUsd: 0.001 }))).settle(tokens(1, 0.001));
    await expect(ledger.reserve(bound({ costUsd: 0.001 }))).rejects.toBeInstanceOf(BudgetExceeded);
  });

  test("lets the reservation stand in for a price that is not known, and says null for the sum", async () => {
    const ledger = new BudgetLedger({ limits: { costUsd: 1 }, clock });
    (await ledger.reserve(bound({ costUsd: 0.4 }))).settle(tokens(1, null));
    expect(ledger.remaining()).toEqual({ costUsd: 0.6 });
    expect(ledger.spent.costUsd).toBeNull();
  });

  test("gives back once: a second release takes nothing from those who hold theirs", async () => {
    const ledger = new BudgetLedger({ limits: { tokens: 100 }, clock });
    const [first, second] = [await ledger.reserve(bound({ tokens: 50 })), await ledger.reserve(bound({ tokens: 50 }))];
    first.release();
    first.release();
    expect(ledger.remaining()).toEqual({ tokens: 50 });
    const alone = ledger.reserve(bound());
    expect(await isPending(alone)).toBe(true);
    second.release();
    (await alone).release();
  });

  test("counts what is charged after the release, once", async () => {
    const ledger = new BudgetLedger({ limits: { tokens: 100 }, clock });
    const reservation = await ledger.reserve(bound({ tokens: 50 }));
    reservation.charge(tokens(10));
    reservation.release();
    reservation.release();
    reservation.charge(tokens(5));
    expect(ledger.remaining()).toEqual({ tokens: 85 });
    expect(ledger.spent.usage).toMatchObject({ totalTokens: 15, requests: 2 });
  });

  test("rejects a wait in the tick of its abort, and serves those behind it", async () => {
    const ledger = new BudgetLedger({ limits: { tokens: 100 }, clock });
    const first = await ledger.reserve(bound({ tokens: 50 }));
    const impatient = new CancelScope();
    const second = ledger.reserve({ bound: () => ({ tokens: 100 }), scope: impatient });
    const third = ledger.reserve(bound({ tokens: 50 }));
    expect(await isPending(third)).toBe(true);
    const reason = new Error("enough");
    impatient.abort(reason);
    await expect(second).rejects.toBe(reason);
    (await third).release();
    first.release();
  });

  test("keeps time as a ceiling too: no start after it, no start of what takes longer, no wait beyond it", async () => {
    const ledger = new BudgetLedger({ limits: { tokens: 10, timeMs: 1000 }, clock });
    const first = await ledger.reserve(bound({ tokens: 10 }));
    await expect(ledger.child({}).reserve(bound({ timeMs: 2000 }))).rejects.toMatchObject({ budgetType: "timeMs" });
    const second = ledger.reserve(bound({ tokens: 5 }));
    await clock.advance(400);
    expect(ledger.remaining()).toEqual({ tokens: 0, timeMs: 600 });
    expect(await isPending(second)).toBe(true);
    await clock.advance(600);
    await expect(second).rejects.toMatchObject({ budgetType: "timeMs", limit: 1000, actual: 1000 });
    expect(clock.pending).toBe(0);
    first.release();
  });

  test("serves those behind a call whose own time ran out while it waited", async () => {
    const ledger = new BudgetLedger({ limits: { tokens: 100 }, clock });
    const first = await ledger.reserve(bound({ tokens: 50 }));
    const brief = ledger.forCall({ timeMs: 100 }).reserve(bound({ tokens: 100 }));
    const behind = ledger.reserve(bound({ tokens: 50 }));
    brief.catch(() => {});
    await clock.advance(99);
    expect(await isPending(behind)).toBe(true);
    await clock.advance(1);
    await expect(brief).rejects.toMatchObject({ budgetType: "timeMs", limit: 100 });
    (await behind).release();
    first.release();
  });

  test("never refuses or waits without a limit, and still counts", async () => {
    const ledger = new BudgetLedger({ limits: {}, clock });
    const reservation = await ledger.reserve(bound());
    expect(reservation.reserved).toEqual({});
    reservation.settle(tokens(7, 0.5));
    expect(ledger.remaining()).toEqual({});
    expect(ledger.spent).toMatchObject({ usage: { totalTokens: 7 }, costUsd: 0.5 });
  });
});
