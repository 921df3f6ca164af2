import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../../src/core/random.ts";
import { CircuitBreaker, type CountedFailure, type Permit } from "../../src/guard/breaker.ts";
import { CircuitOpenError } from "../../src/guard/errors.ts";
import { resolveBreaker } from "../../src/guard/reliability-config.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { ModelBreaker } from "./model-breaker.ts";

/** A clock that a synchronous test moves by itself. */
function handClock() {
  let nowMs = 0;
  return { now: () => nowMs, sleep: () => Promise.reject(new Error("not used")), move: (ms: number) => (nowMs += ms) };
}

const command = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.integer({ min: 0, max: 700 }) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("enter" as const) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom("succeeded", "succeeded", "failed", "failedForGood", "failedForGood", "released"),
      which: fc.nat(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom("gaveUp" as const, "again" as const), which: fc.nat() }),
  },
);
const config = fc
  .record({
    failureThreshold: fc.integer({ min: 1, max: 4 }),
    failureRatio: fc.constantFrom(0, 0.25, 0.5, 1),
    windowMs: fc.constantFrom(100, 1000),
    openMs: fc.constantFrom(1, 100, 500),
    halfOpenRequests: fc.integer({ min: 1, max: 3 }),
    successThreshold: fc.integer({ min: 1, max: 3 }),
  })
  .filter(({ halfOpenRequests, successThreshold }) => successThreshold <= halfOpenRequests);

interface Call {
  permit: Permit | undefined;
  modelPermit: ReturnType<ModelBreaker["enter"]>;
  failure: CountedFailure | undefined;
  modelFailure: ReturnType<ModelBreaker["failed"]>;
}

describe("CircuitBreaker", () => {
  test("behaves like its model over 20,000 sequences of commands, lost and late probes included", () => {
    let opened = 0;
    let lateResults = 0;
    let closedAgain = 0;
    fc.assert(
      fc.property(config, fc.array(command, { minLength: 40, maxLength: 80 }), (options, commands) => {
        const clock = handClock();
        const breaker = new CircuitBreaker("p", options, clock);
        const model = new ModelBreaker(resolveBreaker(options), clock.now);
        const calls: Call[] = [];
        const enter = (call: Call) => {
          call.permit = permitOf(() => breaker.enter());
          call.modelPermit = model.enter();
          expect(call.permit?.generation).toBe(call.modelPermit?.generation);
        };
        const giveUp = (call: Call) => {
          breaker.gaveUp(call.failure);
          model.gaveUp(call.modelFailure);
          call.failure = call.modelFailure = undefined;
        };
        for (const next of commands) {
          const call = "which" in next ? calls[next.which % Math.max(1, calls.length)] : undefined;
          if (next.kind === "advance") clock.move(next.ms);
          else if (next.kind === "enter") {
            calls.push({ permit: undefined, modelPermit: undefined, failure: undefined, modelFailure: undefined });
            enter(calls.at(-1)!);
          } else if (!call) continue;
          else if (next.kind === "again") enter(call);
          else if (next.kind === "gaveUp") giveUp(call);
          else if (call.permit && call.modelPermit) {
            if (next.kind === "succeeded") {
              breaker.succeeded(call.permit, call.failure);
              model.succeeded(call.modelPermit, call.modelFailure);
              call.failure = call.modelFailure = undefined;
            } else if (next.kind === "failed" || next.kind === "failedForGood") {
              call.failure = breaker.failed(call.permit, call.failure);
              call.modelFailure = model.failed(call.modelPermit, call.modelFailure);
              if (next.kind === "failedForGood") giveUp(call);
            } else {
              breaker.released(call.permit);
              model.released(call.modelPermit);
            }
            call.permit = call.modelPermit = undefined;
          }
          const { state } = model;
          if (!isDeepStrictEqual(breaker.state, state)) expect(breaker.state).toEqual(state);
          if (state.kind === "open") opened++;
          if (state.kind === "closed" && state.generation > 0) closedAgain++;
        }
        lateResults += model.lateResults;
      }),
      { numRuns: 20_000 },
    );
    expect(opened).toBeGreaterThan(10_000);
    expect(closedAgain).toBeGreaterThan(1_000);
    expect(lateResults).toBeGreaterThan(1_000);
  });

  test("opens when enough calls failed and they are the asked share of all, and says until when", () => {
    const { breaker, fail, succeed } = setUp({ failureThreshold: 3, failureRatio: 0.5 });
    for (let call = 0; call < 4; call++) succeed();
    for (let call = 0; call < 3; call++) fail();
    expect(breaker.kind).toBe("closed");
    fail();
    expect(breaker.kind).toBe("open");
    expect(refusalOf(breaker)).toMatchObject({ code: "CIRCUIT_OPEN", reason: "open", retryAfterMs: 60_000 });
  });

  test("opens at enough calls that failed for good; those that are still tried again count for the share alone", () => {
    const { breaker, fail, succeed } = setUp({ failureThreshold: 3, failureRatio: 0.5 });
    for (let call = 0; call < 10; call++) breaker.failed(breaker.enter());
    for (let call = 0; call < 10; call++) succeed();
    for (let call = 0; call < 2; call++) fail();
    expect(breaker.kind).toBe("closed");
    fail();
    expect(breaker.kind).toBe("open");
  });

  test("counts a call that failed for good from then on, however long it had been tried", () => {
    const { breaker, clock } = setUp({ failureThreshold: 2, windowMs: 1000 });
    const longTried = Array.from({ length: 2 }, () => breaker.failed(breaker.enter()));
    clock.move(5000);
    for (const failure of longTried) breaker.gaveUp(failure);
    expect(breaker.kind).toBe("open");
  });

  test("counts a call once, however many of its attempts fail", () => {
    const { breaker } = setUp({ failureThreshold: 2 });
    let failure: CountedFailure | undefined;
    for (let attempt = 0; attempt < 10; attempt++) failure = breaker.failed(breaker.enter(), failure);
    breaker.gaveUp(failure);
    expect(breaker.kind).toBe("closed");
  });

  test("takes a failure back when a later attempt makes it good", () => {
    const { breaker, fail } = setUp({ failureThreshold: 2, failureRatio: 1 });
    const failure = breaker.failed(breaker.enter());
    breaker.succeeded(breaker.enter(), failure);
    fail();
    expect(breaker.kind).toBe("closed");
  });

  test("forgets failures that are older than its window", () => {
    const { breaker, fail, clock } = setUp({ failureThreshold: 2, windowMs: 1000 });
    fail();
    clock.move(1100);
    fail();
    expect(breaker.kind).toBe("closed");
  });

  test("lets some calls through after openMs, closes after successes, and starts with a clean window", () => {
    const { breaker, fail, succeed, clock } = opened();
    expect(refusalOf(breaker)).toBeInstanceOf(CircuitOpenError);
    clock.move(1000);
    expect(breaker.kind).toBe("half_open");
    const probes = [breaker.enter(), breaker.enter(), breaker.enter()];
    expect(refusalOf(breaker)).toMatchObject({ retryAfterMs: 0 });
    breaker.succeeded(probes[0]!);
    expect(breaker.kind).toBe("half_open");
    breaker.succeeded(probes[1]!);
    expect(breaker.kind).toBe("closed");
    succeed();
    fail();
    expect(breaker.kind).toBe("closed");
  });

  test("opens again at the first failure of a probe", () => {
    const { breaker, clock } = opened();
    clock.move(1000);
    const [first, second] = [breaker.enter(), breaker.enter()];
    breaker.succeeded(first);
    breaker.failed(second);
    expect(breaker.state).toMatchObject({ kind: "open", untilMs: 2000 });
  });

  test("takes the permit back of a probe that was cancelled or said nothing of the provider", () => {
    const { breaker, clock } = opened();
    clock.move(1000);
    for (let round = 0; round < 20; round++) breaker.released(breaker.enter());
    const probes = [breaker.enter(), breaker.enter()];
    for (const probe of probes) breaker.succeeded(probe);
    expect(breaker.kind).toBe("closed");
  });

  test("does not stick half open where probes never come back: after openMs it lets others through", () => {
    const { breaker, clock } = opened();
    clock.move(1000);
    const lost = [breaker.enter(), breaker.enter(), breaker.enter()];
    expect(refusalOf(breaker)).toBeInstanceOf(CircuitOpenError);
    clock.move(1000);
    const others = [breaker.enter(), breaker.enter(), breaker.enter()];
    for (const probe of lost) breaker.released(probe);
    expect(refusalOf(breaker)).toBeInstanceOf(CircuitOpenError);
    for (const probe of others.slice(1)) breaker.succeeded(probe);
    expect(breaker.kind).toBe("closed");
  });

  test("gives probes openMs from when the last of them was let through", () => {
    const { breaker, clock } = opened();
    clock.move(1000);
    breaker.enter();
    clock.move(5000);
    breaker.enter();
    breaker.enter();
    expect(refusalOf(breaker)).toBeInstanceOf(CircuitOpenError);
    clock.move(1000);
    expect(refusalOf(breaker)).toBeUndefined();
  });

  test("counts what a probe finds out after others were let through in its place: success and failure", () => {
    for (const failsLate of [false, true]) {
      const { breaker, clock } = opened();
      clock.move(1000);
      const [first, second] = [breaker.enter(), breaker.enter(), breaker.enter()];
      clock.move(1000);
      breaker.enter();
      breaker.succeeded(first!);
      expect(breaker.kind).toBe("half_open");
      if (failsLate) breaker.failed(second!);
      else breaker.succeeded(second!);
      expect(breaker.kind).toBe(failsLate ? "open" : "closed");
    }
  });

  test("closes for a provider that is back, however much longer than openMs its calls take", () => {
    const world = fc.record({
      openMs: fc.integer({ min: 1, max: 500 }),
      callMs: fc.integer({ min: 1, max: 5000 }),
      betweenMs: fc.integer({ min: 1, max: 2000 }),
      halfOpenRequests: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(world, fc.nat(), ({ openMs, callMs, betweenMs, halfOpenRequests }, chosen) => {
        const successThreshold = 1 + (chosen % halfOpenRequests);
        const options = { failureThreshold: 1, openMs, halfOpenRequests, successThreshold };
        const { breaker, fail, clock } = setUp(options);
        fail();
        clock.move(openMs);
        const ends: { atMs: number; permit: Permit }[] = [];
        // Each call finds a place at the latest once those before it are given up, and is back after callMs.
        const latestMs = clock.now() + halfOpenRequests * (openMs + betweenMs) + callMs + betweenMs;
        for (; breaker.kind !== "closed" && clock.now() <= latestMs; clock.move(betweenMs)) {
          while (ends[0] && ends[0].atMs <= clock.now()) breaker.succeeded(ends.shift()!.permit);
          const permit = permitOf(() => breaker.enter());
          if (permit) ends.push({ atMs: clock.now() + callMs, permit });
        }
        expect(breaker.kind).toBe("closed");
      }),
      { numRuns: 1000 },
    );
  });

  test("ignores results of an older generation, wherever it stands by then", () => {
    const { breaker, clock, fail } = setUp({ failureThreshold: 1, openMs: 1000, successThreshold: 1 });
    const late = Array.from({ length: 6 }, () => breaker.enter());
    fail();
    const open = breaker.state;
    breaker.succeeded(late[0]!);
    breaker.gaveUp(breaker.failed(late[1]!));
    expect(breaker.state).toBe(open);
    clock.move(1000);
    const probe = breaker.enter();
    const halfOpen = breaker.state;
    breaker.failed(late[2]!);
    breaker.succeeded(late[3]!);
    breaker.released(late[4]!);
    expect(breaker.state).toBe(halfOpen);
    breaker.succeeded(probe);
    expect(breaker.kind).toBe("closed");
    breaker.gaveUp(breaker.failed(late[5]!));
    expect(breaker.kind).toBe("closed");
  });

  test("never opens over 10,000 calls of which 5 % fail", () => {
    for (let seed = 0; seed < 20; seed++) {
      const { breaker, fail, succeed, clock } = setUp({});
      const random = seededRandom(seed);
      for (let call = 0; call < 10_000; call++) {
        if (random.next() < 0.05) fail();
        else succeed();
        clock.move(20);
        if (breaker.kind !== "closed") throw new Error(`opened after ${call} calls of seed ${seed}`);
      }
    }
  });

  test("keeps calls waiting for as long as the provider asked last, and forgets it then", async () => {
    const clock = createFakeClock();
    const breaker = new CircuitBreaker("p", {}, clock);
    breaker.coolDown(500);
    breaker.coolDown(200);
    expect(breaker.cooldownLeftMs).toBe(500);
    await clock.advance(500);
    expect(breaker.cooldownLeftMs).toBe(0);
  });
});

function setUp(options: ConstructorParameters<typeof CircuitBreaker>[1]) {
  const clock = handClock();
  const breaker = new CircuitBreaker("p", options, clock);
  const fail = () => breaker.gaveUp(breaker.failed(breaker.enter()));
  const succeed = () => breaker.succeeded(breaker.enter());
  return { clock, breaker, fail, succeed };
}

function opened() {
  const set = setUp({ failureThreshold: 2, openMs: 1000 });
  set.fail();
  set.fail();
  expect(set.breaker.kind).toBe("open");
  return set;
}

function refusalOf(breaker: CircuitBreaker): unknown {
  try {
    breaker.enter();
    return undefined;
  } catch (error) {
    return error;
  }
}

function permitOf(enter: () => Permit): Permit | undefined {
  try {
    return enter();
  } catch (error) {
    if (error instanceof CircuitOpenError) return undefined;
    throw error;
  }
}
