import pLimit from "p-limit";
import type { Replicate } from "../../src/contract/bundle.ts";
import { scheduleReplicates } from "../../src/tool/bundle/replicate-scheduler.ts";

/** Asks `count` times, so many at once. */
type FanOut = (count: number) => Promise<unknown>;

const replicate: Replicate = {
  id: "r1",
  seed: 1,
  model: "none",
  valid: true,
  data: 1,
  quality: { valid: true },
  usage: { inputTokens: 0, outputTokens: 0, totalTokens: 0 },
  costUsd: 0,
  elapsedMs: 0,
  attempts: 1,
};

const ask = async () => ({ replicate });

/** All at once, and nothing else: the floor. */
export const promiseAll: FanOut = (count) => Promise.all(Array.from({ length: count }, ask));

/** The scheduler of replicates, under a rule that wants them all. */
export function scheduler(maxParallel: number): FanOut {
  return (k) =>
    scheduleReplicates({
      k,
      maxParallel,
      rule: {
        needed: k,
        *observe() {
          yield 0;
          return { stop: false, needed: k };
        },
      },
      ask,
      *onObserved() {},
    });
}

/** A limiter for each fan-out, as a scheduler has its own. */
export function limiter(concurrency: number): FanOut {
  return (count) => {
    const limit = pLimit(concurrency);
    return Promise.all(Array.from({ length: count }, () => limit(ask)));
  };
}
