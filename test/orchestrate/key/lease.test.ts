import { beforeEach, describe, expect, test } from "vitest";
import { StoreError } from "../../../src/index.ts";
import { keepLease } from "../../../src/orchestrate/key/lease.ts";
import { MemoryStore } from "../../../src/stores/memory.ts";
import { createFakeClock, type FakeClock } from "../../../src/testing.ts";

const leaseMs = 30_000;
let patienceMs = 0;
const token = { key: "key", fence: 1 };

const away = () =>
  Promise.reject(new StoreError({ store: "test", operation: "renew", reason: "unavailable", advice: "" }));
const never = () => new Promise<void>(() => {});

let clock: FakeClock;
let renewedAtMs: number[];
let lost: { atMs: number; error: any } | undefined;

beforeEach(() => {
  clock = createFakeClock();
  patienceMs = 0;
  renewedAtMs = [];
  lost = undefined;
});

/** A lease whose nth renewal is answered by the nth of these, and every later one at once. */
function hold(...answers: readonly (() => Promise<void>)[]) {
  return holdSince(clock.now(), ...answers);
}

function holdSince(askedAtMs: number, ...answers: readonly (() => Promise<void>)[]) {
  const store = Object.assign(new MemoryStore({ clock }), {
    renew() {
      const answer = answers[renewedAtMs.push(clock.now()) - 1];
      return answer ? answer() : Promise.resolve();
    },
  });
  return keepLease({
    store,
    token,
    leaseMs,
    askedAtMs,
    clock,
    patienceMs,
    onLost: (error) => (lost = { atMs: clock.now(), error }),
  });
}

describe("a lease", () => {
  test("is renewed three times in its length, until it is stopped", async () => {
    const lease = hold();
    await clock.advance(60_000);
    lease.stop();
    await clock.advance(60_000);
    expect(renewedAtMs).toEqual([10_000, 20_000, 30_000, 40_000, 50_000, 60_000]);
    expect(clock.pending).toBe(0);
  });

  test("runs from when it was asked for, however late the store has answered", async () => {
    await clock.advance(25_000);
    holdSince(0, never);
    await clock.advance(120_000);
    expect(renewedAtMs).toEqual([25_000]);
    expect(lost?.atMs).toBe(30_000);
  });

  test("is not lost to the end of its own run: the store refuses what was asked just before the key was given back", async () => {
    const stale = new StoreError({ store: "test", operation: "renew", reason: "stale_token", advice: "" });
    const lease = hold(() => Promise.reject(stale));
    lease.endsSoon();
    await clock.advance(10_000);
    lease.stop();
    expect([renewedAtMs, lost, clock.pending]).toEqual([[10_000], undefined, 0]);
  });

  test("is lost all the same where giving the key back outlasts it", async () => {
    const stale = new StoreError({ store: "test", operation: "renew", reason: "stale_token", advice: "" });
    hold(() => Promise.reject(stale)).endsSoon();
    await clock.advance(60_000);
    expect([renewedAtMs, lost]).toEqual([[10_000], { atMs: 30_000, error: stale }]);
  });

  test("is not lost while there is patience where the settlement has come before its last renewal, also past its end", async () => {
    patienceMs = 60_000;
    const stale = new StoreError({ store: "test", operation: "renew", reason: "stale_token", advice: "" });
    hold(away, away, away, () => Promise.reject(stale)).endsSoon();
    await clock.advance(89_999);
    expect(lost).toBeUndefined();
    await clock.advance(10_000);
    expect([lost?.error, clock.pending]).toEqual([stale, 0]);
  });

  test("outlives a store that is away for a while", async () => {
    hold(away, away);
    await clock.advance(60_000);
    expect(lost).toBeUndefined();
  });

  test("is given up when the store stays away until it has run out", async () => {
    hold(away, away, away, away, away);
    await clock.advance(120_000);
    expect(lost?.atMs).toBe(30_000);
    expect(clock.pending).toBe(0);
  });

  test("is given up when the store does not answer before it has run out", async () => {
    hold(never);
    await clock.advance(120_000);
    expect(lost).toMatchObject({ atMs: 30_000, error: { code: "STORE", operation: "renew" } });
    expect(clock.pending).toBe(0);
  });

  test("is asked for anew a third of its length after each question that has no answer past its end", async () => {
    patienceMs = 60_000;
    hold(...Array.from({ length: 20 }, () => never));
    await clock.advance(60_000);
    expect(renewedAtMs).toEqual([10_000, 30_000, 40_000, 50_000, 60_000]);
  });

  test("outlives a store that is away past its end while there is patience, and is unsure meanwhile", async () => {
    patienceMs = 120_000;
    const lease = hold(...Array.from({ length: 20 }, () => away));
    await clock.advance(29_999);
    expect(lease.whenHeld()).toBeUndefined();
    await clock.advance(1);
    let isHeld = false;
    void lease.whenHeld()?.then(() => (isHeld = true));
    await clock.advance(5_000);
    expect(isHeld).toBe(false);
    await clock.advance(20_000);
    expect([isHeld, lost]).toEqual([true, undefined]);
    expect(lease.whenHeld()).toBeUndefined();
    lease.stop();
    expect(clock.pending).toBe(0);
  });

  test("is given up once patience is over, and holds up no call from then on", async () => {
    patienceMs = 60_000;
    const lease = hold(...Array.from({ length: 1_000 }, () => away));
    await clock.advance(60_000);
    const held = lease.whenHeld();
    await clock.advance(60_000);
    await held;
    expect(lost?.atMs).toBe(90_000);
    expect(clock.pending).toBe(0);
  });

  test("is given up at once when another run has the key", async () => {
    hold(() =>
      Promise.reject(new StoreError({ store: "test", operation: "renew", reason: "stale_token", advice: "" })),
    );
    await clock.advance(120_000);
    expect(lost?.atMs).toBe(10_000);
  });

  test("is asked for again after its process stood still past its end", async () => {
    let stoodStillMs = 0;
    const late = { ...clock, now: () => clock.now() + stoodStillMs };
    let renewals = 0;
    const store = Object.assign(new MemoryStore(), { renew: async () => void renewals++ });
    keepLease({
      store,
      token,
      leaseMs,
      askedAtMs: late.now(),
      clock: late,
      patienceMs,
      onLost: (error) => (lost = { atMs: clock.now(), error }),
    });
    stoodStillMs = 3_600_000;
    await clock.advance(10_000);
    await clock.advance(10_000);
    expect([renewals, lost]).toEqual([2, undefined]);
  });

  test("is not confirmed by an answer that lay unread while its process stood still", async () => {
    patienceMs = 60_000;
    let stoodStillMs = 0;
    const late = { ...clock, now: () => clock.now() + stoodStillMs };
    const answers: PromiseWithResolvers<void>[] = [];
    const renew = () => {
      const answer = Promise.withResolvers<void>();
      answers.push(answer);
      return answer.promise;
    };
    const store = Object.assign(new MemoryStore({ clock }), { renew });
    const onLost = (error: unknown) => (lost = { atMs: clock.now(), error });
    const lease = keepLease({ store, token, leaseMs, askedAtMs: 0, clock: late, patienceMs, onLost });
    await clock.advance(10_000);
    stoodStillMs = 40_000;
    let isHeld = false;
    void lease.whenHeld()?.then(() => (isHeld = true));
    answers[0]?.resolve();
    await clock.advance(0);
    expect([isHeld, answers.length]).toEqual([false, 2]);
    answers[1]?.resolve();
    await clock.advance(0);
    expect([isHeld, lost]).toEqual([true, undefined]);
    lease.stop();
    expect(clock.pending).toBe(0);
  });

  test("that is stopped while it is renewed says nothing any more", async () => {
    const lease = hold(() => clock.sleep(5_000).then(away));
    await clock.advance(12_000);
    lease.stop();
    await clock.advance(120_000);
    expect([renewedAtMs.length, lost]).toEqual([1, undefined]);
  });
});
