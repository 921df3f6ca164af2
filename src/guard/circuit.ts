import type { Clock } from "../core/clock.ts";
import { CancelScope } from "../core/signal.ts";
import type { BreakerState, CircuitBreaker } from "./breaker.ts";
import type { Classification } from "./classify.ts";
import { CircuitOpenError } from "./errors.ts";
import type { GuardEventType, GuardedCall } from "./guarded-call.ts";
import type { PolicyParts } from "./retry.ts";
import { sleep } from "./wait-queue.ts";

const eventOf: Record<BreakerState["kind"], GuardEventType & `circuit_${string}`> = {
  closed: "circuit_closed",
  open: "circuit_opened",
  half_open: "circuit_half_open",
};

/** A call that was cut off, or came too late to be started, says nothing about the provider. */
const cutOff: Pick<Classification, "breaker" | "retryAfterMs"> = { breaker: "neutral" };

/** Lets an attempt through only where the provider's circuit breaker does, and tells the breaker how it ended. */
export class Circuit {
  /** `config.maxDelayMs` is the longest pause that a call waits for where there is a fallback. */
  readonly #parts: PolicyParts;

  constructor(parts: PolicyParts) {
    this.#parts = parts;
  }

  /**
   * @returns a promise where the provider has asked for a pause, or others are finding out whether it is back
   * @throws CircuitOpenError
   */
  enter(call: GuardedCall): Promise<unknown> | undefined {
    const { breaker } = call.facts;
    if (!breaker) return undefined;
    if (pauseLeftMs(call, breaker) > 0 && breaker.kind !== "open") return this.#enterAfterPause(call, breaker);
    if (this.#isToWait(call, breaker)) return this.#enterAfterProbes(call, breaker);
    takePermit(call, breaker);
    return undefined;
  }

  /**
   * Returns whether the provider has asked for a pause, or its circuit has changed, while a call waited after it had been
   * let through: it has to enter again.
   */
  hasTurned(call: GuardedCall): boolean {
    const { permit } = call;
    const { breaker } = call.facts;
    if (!breaker || permit === undefined) return false;
    if (permit.generation === breaker.state.generation && pauseLeftMs(call, breaker) === 0) return false;
    call.permit = undefined;
    breaker.released(permit);
    return true;
  }

  succeeded(call: GuardedCall): void {
    const { permit, countedFailure } = call;
    const { breaker } = call.facts;
    if (!breaker || permit === undefined) return;
    const { generation } = breaker.state;
    breaker.succeeded(permit, countedFailure);
    announceChange(call, breaker, generation);
  }

  failed(call: GuardedCall, error: unknown): void {
    const { permit } = call;
    const { breaker, pause, runScope } = call.facts;
    if (!breaker || permit === undefined) return;
    call.permit = undefined;
    const { generation } = breaker.state;
    const isCutOff = runScope?.aborted || call.scope?.isStarted === false;
    const { breaker: effect, retryAfterMs } = isCutOff ? cutOff : call.classify(error);
    // First: a call that waits for the permit has to wait for the pause, too.
    if (effect === "cooldown" && retryAfterMs !== undefined) {
      if (pause) pause.extend(retryAfterMs);
      else breaker.coolDown(retryAfterMs);
    }
    if (effect === "failure") call.countedFailure = breaker.failed(permit, call.countedFailure);
    else breaker.released(permit);
    announceChange(call, breaker, generation);
  }

  /** The call has failed, and no attempt follows: now its failure may open the circuit. */
  gaveUp(call: GuardedCall): void {
    const { countedFailure } = call;
    const { breaker, runScope } = call.facts;
    if (!breaker || runScope?.aborted) return;
    const { generation } = breaker.state;
    breaker.gaveUp(countedFailure);
    announceChange(call, breaker, generation);
  }

  /**
   * Waits for the end of the pause. Calls that wait for the same one are spread, as far as their time allows: they do
   * not come back together.
   */
  async #enterAfterPause(call: GuardedCall, breaker: CircuitBreaker): Promise<void> {
    const { config, clock, random } = this.#parts;
    const spreadMs = config.jitter ? config.initialDelayMs : 0;
    for (let waitMs = pauseLeftMs(call, breaker); waitMs > 0; waitMs = pauseLeftMs(call, breaker)) {
      const spareMs = call.facts.time.leftMs() - waitMs;
      const isTooLong = spareMs <= 0 || (waitMs > config.maxDelayMs && call.facts.hasFallback());
      if (isTooLong) throw new CircuitOpenError(breaker.provider, "cooldown", waitMs);
      await sleepOrReset(call, clock, waitMs + random.next() * Math.min(spreadMs, spareMs));
    }
    await this.enter(call);
  }

  /** Waits until the probes have closed or opened the circuit, one gives its permit back, or the call's own time is up. */
  #enterAfterProbes(call: GuardedCall, breaker: CircuitBreaker): Promise<unknown> {
    const { time, runScope } = call.facts;
    return breaker.waiting.wait({
      attempt: () => {
        if (!this.#isToWait(call, breaker)) return this.enter(call) ?? true;
        if (time.ownLeftMs() <= 0) throw time.outOfTime();
        return undefined;
      },
      leftMs: () => Math.min(time.ownLeftMs(), breaker.probesLeftMs),
      scope: runScope,
    });
  }

  /** Returns whether other calls are testing the provider, and no fallback could answer meanwhile. */
  #isToWait(call: GuardedCall, breaker: CircuitBreaker): boolean {
    return breaker.probesLeftMs > 0 && !call.facts.hasFallback();
  }
}

/** The pause of the provider, or of the call's model where that is longer. */
function pauseLeftMs({ facts }: GuardedCall, breaker: CircuitBreaker): number {
  return Math.max(breaker.cooldownLeftMs, facts.pause?.leftMs ?? 0);
}

const wasReset = Symbol("the pause was ended before its time");

/** Waits out a pause, or until it is reset. */
async function sleepOrReset({ facts: { pause, runScope } }: GuardedCall, clock: Clock, ms: number): Promise<void> {
  const scope = new CancelScope(runScope);
  const stopListening = pause?.onEnd(() => scope.abort(wasReset));
  try {
    await sleep(clock, ms, scope);
  } catch (error) {
    if (error !== wasReset) throw error;
  } finally {
    stopListening?.();
    scope.dispose();
  }
}

function takePermit(call: GuardedCall, breaker: CircuitBreaker): void {
  const { generation } = breaker.state;
  call.permit = breaker.enter();
  announceChange(call, breaker, generation);
}

function announceChange(call: GuardedCall, breaker: CircuitBreaker, before: number): void {
  const { kind, generation } = breaker.state;
  if (generation !== before) call.emit(eventOf[kind], { provider: breaker.provider });
}
