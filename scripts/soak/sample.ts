import { getEventListeners } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { StoreContents } from "./stores.ts";

/** What a process holds at one moment. */
export interface Holdings {
  readonly heapBytes: number;
  /** Outside of the heap, array buffers included. */
  readonly externalBytes: number;
  readonly rssBytes: number;
  /** What keeps the process alive, by kind: sockets, pipes, timers. */
  readonly resources: Readonly<Record<string, number>>;
  /** `undefined` where the system does not tell. */
  readonly openFiles: number | undefined;
  readonly processListeners: number;
}

/** What is there once nothing is in flight any more. */
export interface Sample extends Holdings {
  readonly atMs: number;
  /** Runs that were asked for until then. */
  readonly runs: number;
  /** On the signal that runs share. */
  readonly signalListeners: number;
  /** Runs that told that they began, and not that they ended. */
  readonly unendedRuns: number;
  readonly openSpans: number;
  /** Requests that the provider's server is still answering. */
  readonly openRequests: number;
  readonly stores: Readonly<Record<string, StoreContents>>;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Collects garbage, also what finalizers then let go of, and returns what is left. */
export async function measureHoldings(): Promise<Holdings> {
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await nextTurn();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return {
    heapBytes: heapUsed,
    externalBytes: external,
    rssBytes: rss,
    resources: activeResources(),
    openFiles: existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd").length : undefined,
    processListeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
  };
}

/** What keeps the process alive, by kind. */
export function activeResources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

export function abortListeners(signal: AbortSignal): number {
  return getEventListeners(signal, "abort").length;
}
