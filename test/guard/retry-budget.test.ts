import { expect, test } from "vitest";
import { InvalidOutputError } from "../../src/contract/errors.ts";
import { call, httpError, script, setUp } from "./set-up.ts";

/** A provider whose retry budget calls of one attempt and two retries, none of which succeeded, have brought to 490. */
async function strained() {
  const run = setUp({ config: { maxRetries: 2, initialDelayMs: 0, attemptTimeoutMs: 1000 } });
  const tokens = () => run.retryBudgets.of("p").tokens;
  await run.guard(script([httpError(503), httpError(503), httpError(503)]));
  expect(tokens()).toBe(490);
  return { ...run, tokens };
}

test("a call that succeeds at once gives 1 token to its provider's retry budget, and never more than 500 in all", async () => {
  const { guard, tokens } = await strained();
  await guard(script(["answer"]));
  expect(tokens()).toBe(491);
  for (let number = 0; number < 20; number++) await guard(script(["answer"]));
  expect(tokens()).toBe(500);
});

test("a retry that succeeds gives back what it had cost, and no earlier one's cost", async () => {
  const { guard, tokens } = await strained();
  const during: number[] = [];
  const failing = (attempts: number) =>
    guard(
      call(({ attempt }) => {
        during.push(tokens());
        if (attempt <= attempts) throw httpError(503);
      }),
    );
  await failing(1);
  await failing(2);
  expect(during).toEqual([490, 485, 490, 485, 480]);
  expect(tokens()).toBe(485);
});

test("a retry after a timeout costs 10, and gives 10 back where it succeeds", async () => {
  const { guard, clock, tokens } = await strained();
  const during: number[] = [];
  const pending = guard(
    call(({ attempt }) => {
      during.push(tokens());
      return attempt === 1 ? clock.sleep(5000) : undefined;
    }),
  );
  await clock.runAll();
  expect(await pending).toMatchObject({ ok: true, attempts: 2 });
  expect([...during, tokens()]).toEqual([490, 480, 490]);
});

test("a correction that succeeds costs nothing and gives nothing", async () => {
  const { guard, tokens } = await strained();
  expect(await guard(script([new InvalidOutputError(["/a: missing"]), "answer"]))).toMatchObject({ attempts: 2 });
  expect(tokens()).toBe(490);
});
