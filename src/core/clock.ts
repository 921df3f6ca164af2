import { onAbort } from "./signal.ts";

/**
 * Time, as everything here reads it. Inject one to make time stand still in a test.
 *
 * @example
 * ```ts
 * await systemClock.sleep(250, { signal });
 * ```
 */
export interface Clock {
  /** Milliseconds since 1970, and never going backwards. */
  now(): number;
  /** Resolves after `ms`. Rejects with the signal's reason in the same tick in which it aborts, leaving no timer. */
  sleep(ms: number, options?: { signal?: AbortSignal | undefined }): Promise<void>;
  /**
   * Calls back once after `ms`, never before, unless cancelled through the function that it returns. A clock without it is served
   * through `sleep`.
   */
  schedule?(callback: () => void, ms: number): () => void;
}

/** Node keeps a timer's delay in 31 bits and fires at once past that; a longer one takes several timers. */
const longestTimerMs = 2 ** 31 - 1;

const { timeOrigin } = performance;

/** The real clock: monotonic, so that a corrected wall clock never fires or delays a deadline. */
export const systemClock: Required<Clock> = {
  now: () => timeOrigin + performance.now(),
  sleep(ms, options) {
    return new Promise((resolve, reject) => {
      const signal = options?.signal;
      if (signal?.aborted) return reject(signal.reason);
      const cancel = systemClock.schedule(() => {
        unsubscribe?.();
        resolve();
      }, ms);
      const unsubscribe =
        signal &&
        onAbort(signal, () => {
          cancel();
          reject(signal.reason);
        });
    });
  },
  schedule(callback, ms) {
    const dueMs = systemClock.now() + ms;
    // What was due before it was asked for is due now; Node would warn of it.
    const timerFor = (leftMs: number) => setTimeout(ring, Math.min(longestTimerMs, Math.max(0, Math.ceil(leftMs))));
    // Node counts whole milliseconds of its own, and so may be up to one early.
    const ring = () => {
      const leftMs = dueMs - systemClock.now();
      if (leftMs > 0) timer = timerFor(leftMs);
      else callback();
    };
    let timer = timerFor(ms);
    return () => clearTimeout(timer);
  },
};

/** The time that all processes of a machine agree on. It may be corrected, backwards too: measure durations elsewhere. */
export const wallClock: Pick<Clock, "now"> = { now: () => Date.now() };

/** `clock.schedule`, also for a clock that only sleeps. */
export function schedule(clock: Clock, callback: () => void, ms: number): () => void {
  if (clock.schedule) return clock.schedule(callback, ms);
  const abort = new AbortController();
  const wake = () => {
    if (!abort.signal.aborted) callback();
  };
  clock.sleep(ms, { signal: abort.signal }).then(wake, () => {});
  return () => abort.abort();
}

/** Much happens in the same millisecond, and to write one down takes longer than all the rest of an event. */
let latest = { ms: Number.NaN, text: "" };

/** The clock's time as an ISO 8601 string. */
export function timestamp(clock: Clock): string {
  const ms = Math.trunc(clock.now());
  if (ms !== latest.ms) latest = { ms, text: new Date(ms).toISOString() };
  return latest.text;
}
