import { systemClock } from "../core/clock.ts";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import type { PaceCost } from "../guard/lanes.ts";
import { faultsInLimits, isUnder, type RateLimits, type ResolvedRateLimit } from "../guard/limits.ts";
import type { PaceReservation, Pacer } from "../guard/pacer.ts";

/** Longest time by which a start is reserved before it comes. */
export const aheadMs = 1_500;
/** Pause after a failure of the place: calls wait for it. */
const awayMs = 1_000;
/** Share of a rate that is used, so that no window of a second holds more than the rate because of late timers. */
const usedShare = 1000 / 1025;

/** Answer to a call that wants to start. */
export interface PaceGrant {
  /** False where the start would be further ahead than `aheadMs`: nothing is reserved then. */
  readonly isGranted: boolean;
  /** Milliseconds until the start. */
  readonly waitMs: number;
}

/** Starts that workers have reserved, in a place that all of them reach. Its time is that of the place. */
export interface SharedPace {
  /**
   * Reserves the next start of a lane, in one step: by the generic cell rate algorithm, and after the pause of the key.
   *
   * @param costs milliseconds that the requests and the tokens of the call take of the lane
   */
  reserve(lane: string, key: string, costs: readonly [requestsMs: number, tokensMs: number]): Promise<PaceGrant>;
  /** Moves the next start for tokens: back by what a call has not used, or on by what it used beyond its estimate. */
  correct(lane: string, tokensMs: number): Promise<void>;
  /** Lets no call of the key start for so long. A longer pause stays. */
  pause(key: string, ms: number): Promise<void>;
}

/** A limit that workers share. */
interface SharedLane {
  readonly name: string;
  readonly msPerRequest: number;
  readonly msPerToken: number;
}

/**
 * Job: let the calls of all workers start no faster than their limits allow.
 * Boundary: knows rates alone; how many calls are in flight is each process's own affair.
 * Invariants:
 * 1. A reservation is one step in the place that workers share, which puts the workers in order.
 * 2. Starts of a lane are apart by what they cost, so no window holds more than its rate and one call.
 * 3. No start is reserved further ahead than `aheadMs`: what a worker that dies had reserved is soon over.
 * 4. Calls of one process and key ask one after the other, in the order in which they came.
 */
export class SharedPacer implements Pacer {
  readonly #pace: SharedPace;
  readonly #lanes: readonly SharedLane[];
  /** Ends of the calls of a key that ask before the next one. */
  readonly #turns = new Map<string, Promise<unknown>>();

  /** @throws InvalidOptionsError naming every limit that cannot be kept */
  constructor(pace: SharedPace, limits: RateLimits) {
    const issues = [...faultsInLimits(limits), ...ofOneProcess(limits)];
    if (issues.length > 0) throw new InvalidOptionsError(issues);
    this.#pace = pace;
    this.#lanes = Object.entries(limits).map(([name, limit]) => laneOf(name, limit as ResolvedRateLimit));
  }

  async reserve(key: string, cost: PaceCost, signal: AbortSignal): Promise<PaceReservation> {
    signal.throwIfAborted();
    const lanes = this.#lanes.filter(({ name }) => isUnder(name, key));
    if (lanes.length === 0) return { settle: () => {} };
    const before = this.#turns.get(key);
    const turn = (async () => {
      await before?.catch(() => {});
      let waitMs = 0;
      for (const lane of lanes) waitMs = Math.max(waitMs, await this.#reserveIn(lane, key, cost, signal));
      return waitMs;
    })();
    this.#turns.set(key, turn);
    try {
      const waitMs = await turn;
      if (waitMs > 0) await systemClock.sleep(waitMs, { signal });
    } finally {
      if (this.#turns.get(key) === turn) this.#turns.delete(key);
    }
    return { settle: ({ tokens }) => void this.#correct(lanes, tokens - cost.tokens) };
  }

  pause(key: string, untilMs: number): void {
    const paused = this.#pace.pause(key, Math.max(0, untilMs - systemClock.now())).catch(() => {});
    // Connections of a pool overtake each other: the next call of this process asks once the pause is known.
    const turn = Promise.allSettled([this.#turns.get(key), paused]);
    this.#turns.set(key, turn);
    void turn.then(() => {
      if (this.#turns.get(key) === turn) this.#turns.delete(key);
    });
  }

  /** @returns milliseconds until the start that is reserved */
  async #reserveIn(
    { name, msPerRequest, msPerToken }: SharedLane,
    key: string,
    { requests, tokens }: PaceCost,
    signal: AbortSignal,
  ): Promise<number> {
    for (;;) {
      signal.throwIfAborted();
      const costs = [requests * msPerRequest, tokens * msPerToken] as const;
      const grant = await this.#pace.reserve(name, key, costs).catch(() => undefined);
      if (!grant) await systemClock.sleep(awayMs, { signal });
      else if (grant.isGranted) return grant.waitMs;
      else await systemClock.sleep(Math.max(1, grant.waitMs - aheadMs), { signal });
    }
  }

  async #correct(lanes: readonly SharedLane[], tokens: number): Promise<void> {
    if (tokens === 0) return;
    for (const { name, msPerToken } of lanes)
      if (msPerToken > 0) await this.#pace.correct(name, tokens * msPerToken).catch(() => {});
  }
}

function laneOf(name: string, { requestsPerMinute, tokensPerMinute }: ResolvedRateLimit): SharedLane {
  const msPer = (perMinute: number | undefined) => (perMinute === undefined ? 0 : 60_000 / usedShare / perMinute);
  return { name, msPerRequest: msPer(requestsPerMinute), msPerToken: msPer(tokensPerMinute) };
}

function ofOneProcess(limits: RateLimits): readonly OptionIssue[] {
  return Object.entries(Object(limits) as RateLimits).flatMap(([name, limit]) => {
    if (limit?.maxConcurrent === undefined) return [];
    const path = `limits[${JSON.stringify(name)}].maxConcurrent`;
    const message = `${path} is kept by one process alone. Leave it out, and choose the workers' concurrency.`;
    return [{ path, given: limit.maxConcurrent, allowed: "nothing in limits that workers share", message }];
  });
}
