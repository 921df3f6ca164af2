import { type Clock, systemClock } from "../core/clock.ts";
import { modulesLoaded } from "../core/lazily.ts";
import { onAbort } from "../core/signal.ts";
import { turnTaken } from "../core/turns.ts";

/** A clock that stands still until it is told to move. */
export interface FakeClock extends Clock {
  /** Moves time by `ms`, firing what falls due on the way in its order, and lets what that starts settle. */
  advance(ms: number): Promise<void>;
  /**
   * Moves time to each next timer until none is left and nothing starts another. Work that takes real time (a file, a
   * database) has 25 real milliseconds to do so.
   */
  runAll(): Promise<void>;
  /** Timers that wait. Zero after a run that left nothing behind. */
  readonly pending: number;
}

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly fire: () => void;
}

/** Real milliseconds without a new timer after which `runAll` believes that nothing more will come. */
const settleMs = 25;

/**
 * A clock for tests: no test waits for its time to pass.
 *
 * @param startMs the time it starts at, in milliseconds since 1970; default 0
 *
 * @example
 * ```ts
 * const clock = createFakeClock();
 * const pending = orchestrator.run({ tool, request });
 * await clock.runAll();
 * const output = await pending;
 * ```
 */
export function createFakeClock(startMs = 0): FakeClock {
  /** In the order in which they fire. */
  const timers: Timer[] = [];
  let nowMs = startMs;
  let order = 0;

  const clock: FakeClock = {
    now: () => nowMs,
    get pending() {
      return timers.length;
    },
    schedule(callback, ms) {
      const timer: Timer = { dueMs: nowMs + (ms > 0 ? ms : 0), order: order++, fire: callback };
      timers.splice(placeOf(timer), 0, timer);
      return () => remove(timer);
    },
    sleep(ms, options) {
      return new Promise((resolve, reject) => {
        const signal = options?.signal;
        if (signal?.aborted) return reject(signal.reason);
        const cancel = clock.schedule?.(() => {
          unsubscribe?.();
          resolve();
        }, ms);
        const unsubscribe =
          signal &&
          onAbort(signal, () => {
            cancel?.();
            reject(signal.reason);
          });
      });
    },
    async advance(ms) {
      const targetMs = nowMs + ms;
      await settle();
      for (let timer = timers[0]; timer && timer.dueMs <= targetMs; timer = timers[0]) await fire(timer);
      nowMs = Math.max(nowMs, targetMs);
      await settle();
    },
    async runAll() {
      for (;;) {
        await settle();
        const timer = timers[0] ?? (await nextAfterWaiting());
        if (!timer) return;
        await fire(timer);
      }
    },
  };

  /** Finds where a timer stands, or belongs, among the others. */
  function placeOf({ dueMs, order: own }: Timer): number {
    let [from, to] = [0, timers.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      const other = timers[middle] as Timer;
      if (other.dueMs < dueMs || (other.dueMs === dueMs && other.order < own)) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  function remove(timer: Timer): void {
    const place = placeOf(timer);
    if (timers[place] === timer) timers.splice(place, 1);
  }

  async function fire(timer: Timer): Promise<void> {
    remove(timer);
    nowMs = Math.max(nowMs, timer.dueMs);
    timer.fire();
    await settle();
  }

  /** Work on the real event loop (a module being loaded, a file) may still be about to start a timer. */
  async function nextAfterWaiting(): Promise<Timer | undefined> {
    const giveUpAt = systemClock.now() + settleMs;
    while (systemClock.now() < giveUpAt) {
      await systemClock.sleep(1);
      const timer = timers[0];
      if (timer) return timer;
    }
    return undefined;
  }

  return clock;
}

/** Lets promises, and what they start, run until the event loop has turned a few times and no module is on its way. */
async function settle(): Promise<void> {
  do {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  } while ((await modulesLoaded()) || (await turnTaken()));
}
