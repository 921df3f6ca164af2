import type { Clock } from "../../src/core/clock.ts";

/** A clock whose time passes as fast as its timers can be fired, each late by what `latenessMs` gives. */
export function createVirtualTime(latenessMs: () => number = () => 0) {
  const timers = new Set<{ readonly dueMs: number; readonly fire: () => void }>();
  let nowMs = 0;
  const clock: Clock = {
    now: () => nowMs,
    schedule(callback, ms) {
      const timer = { dueMs: nowMs + Math.max(0, ms) + latenessMs(), fire: callback };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    sleep: (ms) => new Promise((resolve) => void clock.schedule?.(resolve, ms)),
  };

  /** Lets time pass until `untilMs`, or until no timer is left. */
  async function passUntil(untilMs: number): Promise<void> {
    for (;;) {
      for (let turn = 0; turn < 12; turn++) await undefined;
      let next: { readonly dueMs: number; readonly fire: () => void } | undefined;
      for (const timer of timers) if (!next || timer.dueMs < next.dueMs) next = timer;
      if (!next || next.dueMs > untilMs) break;
      timers.delete(next);
      nowMs = Math.max(nowMs, next.dueMs);
      next.fire();
    }
    nowMs = Math.max(nowMs, untilMs);
  }

  return { clock, passUntil, pending: () => timers.size };
}

/** One start, and what it took. */
export interface Started {
  readonly atMs: number;
  readonly amount: number;
}

/** The largest amount that started within a window of this length. */
export function mostWithin(windowMs: number, starts: readonly Started[]): number {
  let [first, sum, most] = [0, 0, 0];
  for (const { atMs, amount } of starts) {
    sum += amount;
    for (let oldest = starts[first] as Started; oldest.atMs <= atMs - windowMs; oldest = starts[first] as Started) {
      sum -= oldest.amount;
      first++;
    }
    most = Math.max(most, sum);
  }
  return most;
}
