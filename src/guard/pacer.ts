import { type Clock, systemClock } from "../core/clock.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import { CancelScope } from "../core/signal.ts";
import { Lane, LaneQueue, type PaceCost, Rate } from "./lanes.ts";
import { faultsInLimits, isUnder, type RateLimits, type ResolvedRateLimit } from "./limits.ts";

/** A call that was let start, and has still to say what it used. */
export interface PaceReservation {
  /** Corrects the tokens that were expected of the call, and lets another one take its place. */
  settle(actual: { readonly tokens: number }): void;
}

/**
 * Decides when calls may start. One of your own can hold limits that several processes share.
 *
 * @example
 * ```ts
 * const pacer: Pacer = createMemoryPacer({ "openai:gpt-5-mini": { requestsPerMinute: 500 } });
 * const orchestrator = new ReliableOrchestrator({ pacer });
 * ```
 */
export interface Pacer {
  /**
   * Resolves when the call may start. Rejects with the signal's reason once that aborts.
   *
   * @param key `provider:model`, or `provider` where the model is not known
   * @param cost of the call; its tokens are an estimate
   */
  reserve(key: string, cost: PaceCost, signal: AbortSignal): Promise<PaceReservation>;
  /**
   * The server has asked for a pause: starts no call of this key before.
   *
   * @param untilMs milliseconds since 1970
   */
  pause(key: string, untilMs: number): void;
}

/**
 * Returns a pacer for this process. It spreads calls evenly: in any window of a second or longer, the calls that start
 * are at most what the limit gives for the window, and one more.
 *
 * @param options `clock`, default: the real one
 * @throws InvalidOptionsError naming every limit that cannot be used
 *
 * @example
 * ```ts
 * const pacer = createMemoryPacer({ crm: { requestsPerMinute: 60, maxConcurrent: 2 } });
 * const call = await pacer.reserve("crm", { requests: 1, tokens: 0 }, signal);
 * try {
 *   await work();
 * } finally {
 *   call.settle({ tokens: 0 });
 * }
 * ```
 */
export function createMemoryPacer(limits: RateLimits, options?: { readonly clock?: Clock | undefined }): Pacer {
  const issues = faultsInLimits(limits);
  if (issues.length > 0) throw new InvalidOptionsError(issues);
  return new MemoryPacer(limits, options?.clock ?? systemClock);
}

class MemoryPacer implements Pacer {
  readonly #queue: LaneQueue;
  readonly #limits: readonly (readonly [name: string, lane: Lane])[];

  constructor(limits: RateLimits, clock: Clock) {
    this.#queue = new LaneQueue(clock);
    this.#limits = Object.entries(limits).map(([name, limit]) => [name, laneOf(limit as ResolvedRateLimit)]);
  }

  async reserve(key: string, cost: PaceCost, signal: AbortSignal): Promise<PaceReservation> {
    signal.throwIfAborted();
    const lanes = this.#limits.filter(([name]) => isUnder(name, key)).map(([, lane]) => lane);
    const scope = new CancelScope(signal);
    try {
      return await this.#queue.enter(key, lanes, cost, scope);
    } finally {
      scope.dispose();
    }
  }

  pause(key: string, untilMs: number): void {
    this.#queue.pause(key, untilMs);
  }
}

function laneOf({ requestsPerMinute, tokensPerMinute, maxConcurrent }: ResolvedRateLimit): Lane {
  return new Lane({
    requests: requestsPerMinute === undefined ? undefined : Rate.perMinute(requestsPerMinute),
    tokens: tokensPerMinute === undefined ? undefined : Rate.perMinute(tokensPerMinute),
    maxConcurrent,
  });
}
