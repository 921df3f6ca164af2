/**
 * Job: keep many runs of every kind in flight for as long as a wave lasts.
 * Boundary: knows who asks and how they leave; what comes of it is the tally's.
 * Invariants:
 * 1. Every run that a wave asked for has settled when the wave is over.
 * 2. It keeps nothing of a run that has ended.
 */
import { systemClock } from "../../src/core/clock.ts";
import { type Random, seededRandom } from "../../src/core/random.ts";
import type { ReliableOrchestrator } from "../../src/index.ts";
import { takeRun } from "./callers.ts";
import { below, inPercent, pick } from "./chance.ts";
import { type Drawing, drawRun } from "./draw-run.ts";
import type { Tally } from "./tally.ts";

/** How many callers there are, each with one run, or a few, at a time. */
export const callers = 40;

const impatientWithinMs = 80;
/** Every run has a deadline; what has not settled so long after the wave's end never will. */
const patienceMs = 30_000;

export interface LoadSettings extends Drawing {
  readonly orchestrators: readonly ReliableOrchestrator<any>[];
  readonly tally: Tally;
  /** Of most runs. It never aborts. */
  readonly sharedSignal: AbortSignal;
}

export class Load {
  readonly #settings: LoadSettings;
  readonly #randoms: readonly Random[];

  constructor(settings: LoadSettings, seed: number) {
    this.#settings = settings;
    this.#randoms = Array.from({ length: callers }, (_, caller) => seededRandom(seed * callers + caller));
  }

  /**
   * Runs as much as it can for so long. Every fourth wave ends by an abort of all runs that have its own signal.
   *
   * @throws Error where a run does not settle
   */
  async wave(number: number, lengthMs: number): Promise<void> {
    this.#settings.weather.change();
    const untilMs = systemClock.now() + lengthMs;
    const ofWave = new AbortController();
    const callersDone = this.#randoms.map(async (random) => {
      while (systemClock.now() < untilMs) await this.#one(number, random, ofWave.signal);
    });
    await systemClock.sleep(lengthMs);
    if (number % 4 === 0) ofWave.abort("the wave is over");
    await withinPatience(callersDone);
  }

  async #one(wave: number, random: Random, ofWave: AbortSignal): Promise<void> {
    const { orchestrators, tally, sharedSignal } = this.#settings;
    const { params, countFaults } = drawRun(this.#settings, wave, random);
    const own = inPercent(20, random) ? new AbortController() : undefined;
    const signal = own?.signal ?? (inPercent(20, random) ? ofWave : sharedSignal);
    const stopTimer = own && systemClock.schedule(() => own.abort("enough"), below(impatientWithinMs, random));
    const asked = { ...params, signal, eventManager: tally.events };
    try {
      await takeRun({ orchestrator: pick(orchestrators, random), params: asked, random, tally });
    } catch (error) {
      tally.rejected(error);
    }
    stopTimer?.();
    countFaults();
  }
}

async function withinPatience(callersDone: readonly Promise<void>[]): Promise<void> {
  const done = new AbortController();
  const giveUp = async () => {
    await systemClock.sleep(patienceMs, { signal: done.signal });
    throw new Error(`A run has not settled ${patienceMs} ms after the end of its wave.`);
  };
  const givenUp = giveUp();
  givenUp.catch(() => {});
  await Promise.race([Promise.all(callersDone), givenUp]);
  done.abort();
}
