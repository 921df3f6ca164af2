import { describe, expect, test } from "vitest";
import { PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { scriptedModel } from "../../src/testing.ts";
import { call, httpError, type SetUp, script, setUp, stateOf } from "./set-up.ts";

/** A run whose provider has failed, and may be looked at again now. */
async function recovering(more: SetUp = {}) {
  const run = setUp({ config: { maxRetries: 0 }, ...more });
  for (let number = 0; number < 5; number++) await run.guard(script([httpError(503)]));
  await run.clock.advance(60_000);
  return run;
}

/** Three probes that end when they are told to. */
function probes({ guard }: Pick<ReturnType<typeof setUp>, "guard">) {
  const ends: PromiseWithResolvers<string>[] = [];
  const outcomes = Array.from({ length: 3 }, () => {
    const end = Promise.withResolvers<string>();
    ends.push(end);
    return guard(call(() => end.promise));
  });
  const [first, second, third] = ends as [(typeof ends)[0], (typeof ends)[0], (typeof ends)[0]];
  return { first, second, third, outcomes };
}

describe("a call that finds all permits of a half-open circuit taken", () => {
  test("waits for the probes, and goes on once they have closed the circuit", async () => {
    const run = await recovering();
    const { first, second } = probes(run);
    const waiting = [run.guard(script(["a"])), run.guard(script(["b"]))];
    first.resolve("up");
    expect(await Promise.all(waiting.map(stateOf))).toEqual(["pending", "pending"]);
    second.resolve("up");
    expect(await Promise.all(waiting)).toMatchObject([
      { ok: true, value: "a", attempts: 1 },
      { ok: true, value: "b", attempts: 1 },
    ]);
    expect(run.eventTypes()).toEqual(["circuit_opened", "circuit_half_open", "circuit_closed"]);
  });

  test("is refused, unmade, once a probe has opened the circuit again", async () => {
    const run = await recovering();
    const { first } = probes(run);
    const waiting = run.guard(script(["never"]));
    first.reject(httpError(503));
    expect(await waiting).toMatchObject({ ok: false, attempts: 0, failure: { code: "CIRCUIT_OPEN" } });
    expect(run.clock.pending).toBe(0);
  });

  test("takes the permit of a probe that said nothing of the provider, one call a permit, oldest first", async () => {
    const run = await recovering();
    const { first } = probes(run);
    const oldest = run.guard(script(["a"]));
    const next = run.guard(script([httpError(400), "never"]));
    first.reject(httpError(400));
    expect(await oldest).toMatchObject({ ok: true, value: "a" });
    expect(await stateOf(next)).toBe("pending");
  });

  test("waits for the pause, too, that a probe was asked for", async () => {
    const run = await recovering();
    const { first } = probes(run);
    const waiting = run.guard(call(() => run.clock.now()));
    await stateOf(waiting);
    const askedAtMs = run.clock.now();
    first.reject(httpError(429, { "retry-after": "2" }));
    expect(await stateOf(waiting)).toBe("pending");
    await run.clock.advance(3000);
    expect(await waiting).toMatchObject({ ok: true });
    expect((await waiting) as { value: number }).toHaveProperty(
      "value",
      expect.toSatisfy((ms) => ms >= askedAtMs + 2000),
    );
  });

  test("is refused at once where a fallback can take over", async () => {
    const run = await recovering({ hasFallback: true });
    probes(run);
    expect(await stateOf(run.guard(script(["never"])))).toMatchObject({ ok: false, failure: { code: "CIRCUIT_OPEN" } });
  });

  test("ends its wait in the tick of an abort, leaving no timer, and takes no permit", async () => {
    const aborted = await recovering();
    const other = setUp({ config: { maxRetries: 0 }, beside: aborted });
    const { first, second } = probes(other);
    const waiting = aborted.guard(script(["never"]));
    await stateOf(waiting);
    aborted.scope.abort(new Error("left"));
    expect(await stateOf(waiting)).toMatchObject({ ok: false, attempts: 0, failure: { code: "CANCELLED" } });
    expect(aborted.clock.pending).toBe(0);
    for (const probe of [first, second]) probe.resolve("up");
    expect(await other.guard(script(["after"]))).toMatchObject({ value: "after" });
  });

  test("waits no longer than its own time", async () => {
    const run = await recovering();
    probes(run);
    const waiting = run.guard(script(["never"], { limits: { timeMs: 700 } }));
    await run.clock.advance(699);
    expect(await stateOf(waiting)).toBe("pending");
    await run.clock.advance(1);
    const error = { budgetType: "timeMs", limit: 700 };
    expect(await stateOf(waiting)).toMatchObject({ ok: false, attempts: 0, failure: { category: "budget" }, error });
  });

  test("leaves it to its run to say that the run's time is up", async () => {
    const run = await recovering({ limits: { timeMs: 61_000 } });
    probes(run);
    const waiting = run.guard(script(["never"]));
    await run.clock.advance(1000);
    expect(await stateOf(waiting)).toBe("pending");
    run.scope.abort(new Error("the run's time is up"));
    expect(await stateOf(waiting)).toMatchObject({ ok: false, attempts: 0, failure: { category: "cancelled" } });
    expect(run.clock.pending).toBe(0);
  });

  test("takes the place of probes that never come back, as any call does", async () => {
    const run = await recovering();
    probes(run);
    const waiting = run.guard(script(["answer"]));
    await run.clock.advance(60_000);
    expect(await stateOf(waiting)).toMatchObject({ ok: true, value: "answer" });
  });

  test("finds the circuit closed in the end where each call takes longer than openMs", async () => {
    const run = await recovering({ config: { maxRetries: 0, circuitBreaker: { openMs: 60_000 } } });
    const slow = () => run.clock.sleep(150_000);
    const pending = Promise.all(Array.from({ length: 12 }, () => run.guard(call(slow))));
    await run.clock.runAll();
    expect((await pending).map(({ ok }) => ok)).toEqual(Array.from({ length: 12 }, () => true));
    expect(run.breakers.states()).toEqual({ p: "closed" });
    expect(run.eventTypes()).toEqual(["circuit_opened", "circuit_half_open", "circuit_closed"]);
  });
});

test("a bundle that asks a provider that is back for more than the probes is complete", async () => {
  const clock = createFakeClock();
  const orchestrator = new ReliableOrchestrator({ clock, reliabilityConfig: { maxRetries: 0 } });
  let isUp = false;
  const model = scriptedModel(async () => {
    await clock.sleep(100);
    return isUp ? { text: "yes" } : { status: 503 };
  });
  const tool = new PromptBundleTool({ name: "t", model, prompt: "x" });
  const toolOptions = { k: 5, maxParallel: 5, stopping: "none" } as const;
  const run = async () => {
    const pending = orchestrator.run({ tool, request: {}, toolOptions });
    await clock.runAll();
    return pending;
  };
  expect((await run()).status).toBe("failed");
  isUp = true;
  await clock.advance(600_000);
  expect((await run()).status).toBe("completed");
});
