import { seededRandom } from "../../src/core/random.ts";

/** Servers that limit their calls, each in its own way. Milliseconds throughout. */

/** Decides over one call: `undefined` where it is let through, else the answer to it. */
export interface LimitedServer {
  readonly name: string;
  /** Time that an answer takes. */
  readonly latencyMs: number;
  arrive(nowMs: number): { readonly retryAfterMs?: number | undefined } | undefined;
  leave(): void;
}

/** At most `count` calls in any window, by a log of its starts. */
export function slidingWindow(count: number, windowMs: number, latencyMs: number, isTold = false): LimitedServer {
  const log: number[] = [];
  return {
    name: `${count} in any ${windowMs / 1000} s${isTold ? ", with Retry-After" : ""}`,
    latencyMs,
    arrive(nowMs) {
      while (log[0] !== undefined && log[0] <= nowMs - windowMs) log.shift();
      if (log.length < count) return void log.push(nowMs);
      return isTold ? { retryAfterMs: Math.ceil(((log[0] as number) + windowMs - nowMs) / 1000) * 1000 } : {};
    },
    leave() {},
  };
}

/** At most `count` calls from one full window to the next. */
export function fixedWindow(count: number, windowMs: number, latencyMs: number, isTold = false): LimitedServer {
  let [window, started] = [-1, 0];
  return {
    name: `${count} in each ${windowMs / 1000} s${isTold ? ", with Retry-After" : ""}`,
    latencyMs,
    arrive(nowMs) {
      const current = Math.floor(nowMs / windowMs);
      if (current !== window) [window, started] = [current, 0];
      if (started < count) return void started++;
      return isTold ? { retryAfterMs: Math.ceil(((window + 1) * windowMs - nowMs) / 1000) * 1000 } : {};
    },
    leave() {},
  };
}

/** A bucket of `burst` calls that refills with `perSecond`. */
export function bucket(burst: number, perSecond: number, latencyMs: number, isTold = false): LimitedServer {
  let [level, atMs] = [burst, 0];
  return {
    name: `${perSecond}/s after a burst of ${burst}${isTold ? ", with Retry-After" : ""}`,
    latencyMs,
    arrive(nowMs) {
      level = Math.min(burst, level + ((nowMs - atMs) / 1000) * perSecond);
      atMs = nowMs;
      if (level >= 1) return void level--;
      return isTold ? { retryAfterMs: Math.ceil((1 - level) / perSecond) * 1000 } : {};
    },
    leave() {},
  };
}

/** At most `count` calls at once. */
export function concurrent(count: number, latencyMs: number): LimitedServer {
  let inFlight = 0;
  return {
    name: `${count} at once`,
    latencyMs,
    arrive() {
      if (inFlight >= count) return {};
      return void inFlight++;
    },
    leave: () => void inFlight--,
  };
}

/** Refuses a share of all calls, however few there are: an account that others use too, or a server short of machines. */
export function atRandom(share: number, latencyMs: number, isTold = false): LimitedServer {
  const random = seededRandom(1);
  return {
    name: `${share * 100} % of calls at random${isTold ? ", with Retry-After" : ""}`,
    latencyMs,
    arrive() {
      if (random.next() >= share) return undefined;
      return isTold ? { retryAfterMs: 1000 } : {};
    },
    leave() {},
  };
}
