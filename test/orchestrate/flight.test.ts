import { expect, test } from "vitest";
import { CancelScope } from "../../src/core/signal.ts";
import { BudgetLedger } from "../../src/guard/budget.ts";
import { Flight } from "../../src/orchestrate/key/flights.ts";
import { createFakeClock } from "../../src/testing.ts";

function fly(timeMs: number) {
  const clock = createFakeClock();
  const ledger = new BudgetLedger({ limits: { timeMs }, clock });
  const flight = new Flight<never>("fingerprint", ledger);
  flight.start(
    () => new Promise(() => {}),
    () => undefined,
  );
  return { clock, flight };
}

test("refuses to be joined once its time is up, whichever timer of that millisecond comes first", async () => {
  const { clock, flight } = fly(10);
  expect(flight.isJoinable).toBe(true);
  await clock.advance(10);
  expect(flight.isJoinable).toBe(false);
});

test("goes on for as long as the most patient caller would wait", async () => {
  const { clock, flight } = fly(10);
  void flight.join(new CancelScope(), clock.now() + 20);
  await clock.advance(10);
  expect(flight.isJoinable).toBe(true);
});
