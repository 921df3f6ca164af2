import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pass } from "node:timers/promises";
import type { OrchestrationOutput, Replicate } from "../../src/index.ts";
import type { RunDetails } from "../../src/store/store.ts";
import { startCountingProvider } from "../support/counting-provider.ts";
import { openAt, type Place } from "../support/place.ts";
import type { Death, KillPoint } from "./death.ts";
import type { Life } from "./programs/life.ts";
import { watchStandstill } from "./standstill.ts";

/** How a key ended that a process ran to its end. */
export interface Ending {
  readonly key: string;
  readonly output: OrchestrationOutput<{ evidenceBundle: { replicates: readonly Replicate[] } }>;
  /** From the call of `run` to its end, the wait for a dead process's lease included. */
  readonly elapsedMs: number;
  /** When the run had its key, and for how long its process had stood still until then; none of a replayed output. */
  readonly claimed: { readonly afterMs: number; readonly stoodStillMs: number } | undefined;
  /** It had to wait for its store. */
  readonly hasWaited: boolean;
  /** Its events, with the time of each. */
  readonly passed: readonly string[];
  /** For how long its process stood still on a busy machine. */
  readonly stoodStillMs: number;
}

/** Takes the store away. @returns a function that gives it back */
export type Blink = () => Promise<() => Promise<void>>;

/** A key whose process was killed, and which another process then ran again. */
export interface Resumption {
  readonly key: string;
  readonly death: Death;
  /** What ended the first process: a signal, or itself with a status. */
  readonly end: NodeJS.Signals | number;
  /** What the first process left in the store. */
  readonly left: RunDetails | undefined;
  /** The seeds that were called for, by the first process and by the second. */
  readonly calledBefore: readonly number[];
  readonly calledAfter: readonly number[];
  readonly ending: Ending | undefined;
  /** For how long the store was away while the second process worked; 0 where it never was. */
  readonly awayMs: number;
  /** For how long the process of its provider stood still on a busy machine. */
  readonly providerStoodStillMs: number;
}

export const answers = 4;
export const leaseMs = 1000;
/** Longer than a lease: then no run knows that its claim still holds. */
const blinkMs = 1.2 * leaseMs;

/** How often a run passes each point; not all of the last answer's pieces, so that some are still to come. */
const passings: Record<KillPoint, number> = {
  "after claim": 1,
  "after call": answers,
  "after journal": answers,
  "after settle": 1,
  "mid-stream": 20,
};

/** Processes alive at once. */
const population = 3;
const program = join(import.meta.dirname, "programs", "life.ts");
/** Lets a process start in a third of the time. */
const compileCache = join(import.meta.dirname, "../../node_modules/.cache/steer-compile");

/**
 * Kills a process a key at one point, and then lets one other process run all these keys again.
 *
 * @param blink what happens to the store while that one works: none of its calls is answered before
 */
export async function killAndResume(
  place: Place,
  point: KillPoint,
  rounds: number,
  blink?: Blink,
): Promise<readonly Resumption[]> {
  const { promise: called, resolve: onCall } = Promise.withResolvers<void>();
  const { promise: away, resolve: onAway } = Promise.withResolvers<void>();
  await using provider = await startCountingProvider(async ({ caller }) => {
    if (caller !== "second" || !blink) return;
    onCall();
    await away;
  });
  const circumstances = { place, baseURL: provider.baseURL, leaseMs, answers };
  const deaths = Array.from({ length: rounds }, (_, round) => ({ point, passing: passingIn(point, round) }));
  const keyOf = (round: number) => `${point} ${round}`;

  const ends = await inParallel(deaths, (death, round) =>
    liveAndDie({ ...circumstances, caller: "first", keys: [keyOf(round)], death }),
  );
  const store = openAt(place);
  const left = await Promise.all(deaths.map((_, round) => store.show(keyOf(round))));
  await store.close();
  // What was settled is replayed without a call.
  const underWay = point === "after settle" ? Promise.resolve() : called;
  const disturb = async (begin: () => void, waits: Promise<void>) => {
    if (!blink || point !== "after settle") begin();
    if (!blink) return 0;
    await underWay;
    const startedAtMs = performance.now();
    const giveBack = await blink();
    onAway();
    if (point === "after settle") begin();
    await Promise.all([pass(blinkMs), waits]);
    await giveBack();
    return performance.now() - startedAtMs;
  };
  const second = { ...circumstances, caller: "second", keys: deaths.map((_, round) => keyOf(round)) };
  const stoodStillMs = watchStandstill();
  const { endings, awayMs } = await live(second, disturb);
  const providerStoodStillMs = stoodStillMs();

  return deaths.map((death, round) => {
    const key = keyOf(round);
    const calledBy = (caller: string) =>
      provider.calls.filter((call) => call.key === key && call.caller === caller).map(({ seed }) => seed);
    return {
      key,
      death,
      end: ends[round] as Resumption["end"],
      left: left[round],
      calledBefore: calledBy("first"),
      calledAfter: calledBy("second"),
      ending: endings.find((ending) => ending.key === key),
      awayMs,
      providerStoodStillMs,
    };
  });
}

/** Spreads the deaths over the passings of a point in one run. */
function passingIn(point: KillPoint, round: number): number {
  return 1 + ((round * 7) % passings[point]);
}

async function liveAndDie(life: Life): Promise<Resumption["end"]> {
  const child = start(life);
  child.once("message", () => child.send("begin"));
  const [status, signal] = await once(child, "exit");
  return signal ?? status;
}

/**
 * @param disturb lets the process begin, and says for how long its store was then away; `waits` resolves once one of its
 *   runs waits for the store, or the process has ended
 */
async function live(life: Life, disturb: (begin: () => void, waits: Promise<void>) => Promise<number>) {
  const child = start(life);
  const endings: Ending[] = [];
  const { promise: waits, resolve: onWait } = Promise.withResolvers<void>();
  const ended = once(child, "close");
  void ended.then(() => onWait());
  await once(child, "message");
  child.on("message", (message: Ending | "waits") => {
    if (message === "waits") onWait();
    else endings.push(message);
  });
  const awayMs = await disturb(() => child.send("begin"), waits);
  await ended;
  return { endings, awayMs };
}

function start(life: Life) {
  const env = { ...process.env, NODE_COMPILE_CACHE: compileCache };
  return fork(program, [JSON.stringify(life)], { execArgv: ["--no-warnings"], env });
}

/** As `Promise.all`, with no more than `population` at work. */
async function inParallel<T, R>(items: readonly T[], work: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) results[index] = await work(item, index);
  };
  await Promise.all(Array.from({ length: population }, worker));
  return results;
}
