import { type Clock, schedule } from "../core/clock.ts";
import { tellListener } from "../core/emitter.ts";
import { CancelScope } from "../core/signal.ts";
import type { AdaptiveRate, AdaptiveRates } from "./adaptive-rate.ts";
import type { GuardedCall } from "./guarded-call.ts";
import type { Start } from "./lanes.ts";
import { paceKey } from "./limits.ts";
import type { PaceReservation, Pacer } from "./pacer.ts";

/** Name of a call for a pacer, and what is known of its model's rate. */
export interface PaceFacts {
  readonly provider: string;
  readonly modelId: string | undefined;
  readonly rate: AdaptiveRate;
  /** Returns the tokens that the next attempt is likely to use; `undefined` where nothing tells. */
  expectedTokens(): number | undefined;
}

const oneRequest = { requests: 1, tokens: 0 };

/** Lets each attempt start when the limits that are given, and those that its server has shown, let it. */
export class Pacing {
  readonly #pacer: Pacer | undefined;
  readonly #rates: AdaptiveRates;
  readonly #clock: Clock;

  /** @param parts `pacer` of the limits that are given; without it, only the servers set limits */
  constructor(parts: { readonly pacer: Pacer | undefined; readonly rates: AdaptiveRates; readonly clock: Clock }) {
    this.#pacer = parts.pacer;
    this.#rates = parts.rates;
    this.#clock = parts.clock;
  }

  factsOf(provider: string, modelId: string | undefined, expectedTokens: () => number | undefined): PaceFacts {
    return { provider, modelId, rate: this.#rates.of(provider, modelId), expectedTokens };
  }

  /** @returns a promise where the attempt may have to wait; it rejects once the call's time is up or its run ends */
  enter(call: GuardedCall): Promise<void> | undefined {
    const { pace } = call.facts;
    if (!pace) return undefined;
    const paced = new PacedAttempt(pace.rate);
    call.paced = paced;
    if (this.#pacer || pace.rate.isLimited) return this.#wait(call, pace, paced);
    const nowMs = this.#clock.now();
    pace.rate.lane.start(oneRequest, nowMs);
    paced.begin(nowMs);
    return undefined;
  }

  succeeded({ paced }: GuardedCall): void {
    if (paced?.startedAtMs !== undefined && !paced.isShared) paced.rate.answered(paced.startedAtMs, this.#clock.now());
  }

  /** Heeds a refusal for the rate. One that no wait mends says nothing about the rate. */
  failed(call: GuardedCall, error: unknown): void {
    const { paced } = call;
    const { pace, runScope } = call.facts;
    if (!pace || !paced || paced.startedAtMs === undefined || paced.isShared || runScope?.aborted) return;
    const { category, isRetryable, breaker, retryAfterMs } = call.classify(error);
    if (category !== "rate_limit" || !isRetryable) return;
    const nowMs = this.#clock.now();
    pace.rate.refused(paced.startedAtMs, nowMs, retryAfterMs !== undefined);
    if (retryAfterMs !== undefined && breaker === "cooldown" && this.#pacer)
      tellListener((untilMs: number) => this.#pacer?.pause(keyOf(pace), untilMs), nowMs + retryAfterMs);
  }

  /** Waits for the server's rate first, and for the given limits last: those hold for the starts themselves. */
  async #wait(call: GuardedCall, pace: PaceFacts, paced: PacedAttempt): Promise<void> {
    const { runScope, time } = call.facts;
    const scope = new CancelScope(runScope);
    const leftMs = time.ownLeftMs();
    const isTimed = leftMs < Number.POSITIVE_INFINITY;
    const stopTimer = isTimed
      ? schedule(this.#clock, () => scope.abort(time.outOfTime()), Math.max(0, leftMs))
      : undefined;
    try {
      const { queue } = this.#rates;
      if (pace.rate.isLimited) {
        const turn = queue.enter(keyOf(pace), [pace.rate.lane], oneRequest, scope);
        paced.start = await turn;
        if (turn instanceof Promise) pace.rate.heldBack(this.#clock.now());
      } else pace.rate.lane.start(oneRequest, this.#clock.now());
      paced.hasLane = true;
      if (this.#pacer) paced.reservation = await this.#reserve(this.#pacer, pace, scope);
      paced.begin(this.#clock.now());
    } finally {
      stopTimer?.();
      scope.dispose();
    }
  }

  /** Reserves by the given limits. A reservation that comes after the end of the wait is given back. */
  #reserve(pacer: Pacer, pace: PaceFacts, scope: CancelScope): Promise<PaceReservation> {
    const tokens = pace.expectedTokens() ?? pace.rate.usualTokens;
    const reserving = pacer.reserve(keyOf(pace), { requests: 1, tokens }, scope.signal).then((reservation) => {
      if (scope.aborted) settle(reservation, 0);
      return reservation;
    });
    return scope.race(reserving);
  }
}

/** One attempt under its limits. */
export class PacedAttempt {
  readonly rate: AdaptiveRate;
  start: Start | undefined = undefined;
  reservation: PaceReservation | undefined = undefined;
  hasLane = false;
  startedAtMs: number | undefined = undefined;
  /** Calls inside the attempt are paced in its place. */
  isShared = false;

  constructor(rate: AdaptiveRate) {
    this.rate = rate;
  }

  begin(nowMs: number): void {
    this.hasLane = true;
    this.startedAtMs = nowMs;
    this.rate.started(nowMs);
  }

  /** The attempt has ended, or leaves its place to the calls inside it. */
  end(tokens: number): void {
    if (this.start) this.start.settle({ tokens: 0 });
    else if (this.hasLane) this.rate.lane.end();
    this.start = undefined;
    this.hasLane = false;
    if (this.reservation) settle(this.reservation, tokens);
    this.reservation = undefined;
    if (!this.isShared) this.rate.used(tokens);
  }
}

function settle(reservation: PaceReservation, tokens: number): void {
  tellListener((actual: { tokens: number }) => reservation.settle(actual), { tokens });
}

function keyOf({ provider, modelId }: PaceFacts): string {
  return paceKey(provider, modelId);
}
