import type { Clock } from "../core/clock.ts";
import type { Random } from "../core/random.ts";
import type { BreakerState, CircuitBreaker } from "./breaker.ts";
import { CircuitOpenError } from "./circuit-open-error.ts";
import type { Classification } from "./classify.ts";
import type { GuardEventType, GuardedCall, GuardLayer } from "./guarded-call.ts";
import { sleep } from "./sleep.ts";

export interface CircuitSettings {
  readonly clock: Clock;
  readonly random: Random;
  /** The longest pause that a call waits for where a fallback exists. */
  readonly maxDelayMs: number;
  /** Over how long calls that waited for the same pause are spread. */
  readonly spreadMs: number;
  hasFallback(): boolean;
}

const eventOf: Record<BreakerState["kind"], GuardEventType & `circuit_${string}`> = {
  closed: "circuit_closed",
  open: "circuit_opened",
  half_open: "circuit_half_open",
};

/** Lets an attempt through only where the provider's circuit does, and tells the breaker how it ended. */
export function circuit(settings: CircuitSettings): GuardLayer {
  return async (call, next) => {
    const { breaker } = call;
    if (!breaker) return next();
    if (breaker.cooldownLeftMs > 0) await awaitCooldown(settings, call, breaker);
    const permit = observed(call, breaker, () => breaker.enter());
    try {
      const value = await next();
      observed(call, breaker, () => breaker.succeeded(permit, call.countedFailure));
      return value;
    } catch (error) {
      observed(call, breaker, () => tellFailure(call, breaker, permit, error));
      throw error;
    }
  };
}

/** What was cut off says nothing about the provider. */
const aborted: Pick<Classification, "breaker" | "retryAfterMs"> = { breaker: "neutral" };

/** The call has failed, and no attempt follows: now its failure may open the circuit. */
export function concludeFailure(call: GuardedCall): void {
  const { breaker } = call;
  if (breaker && !call.scope.aborted) observed(call, breaker, () => breaker.gaveUp(call.countedFailure));
}

function tellFailure(call: GuardedCall, breaker: CircuitBreaker, permit: number, error: unknown): void {
  const { breaker: effect, retryAfterMs } = call.scope.aborted ? aborted : call.classify(error);
  if (effect === "failure") call.countedFailure = breaker.failed(permit, call.countedFailure);
  else breaker.released(permit);
  if (effect === "cooldown" && retryAfterMs !== undefined) breaker.coolDown(retryAfterMs);
}

async function awaitCooldown(settings: CircuitSettings, call: GuardedCall, breaker: CircuitBreaker): Promise<void> {
  for (let waitMs = breaker.cooldownLeftMs; waitMs > 0; waitMs = breaker.cooldownLeftMs) {
    const isTooLong = waitMs >= call.leftMs() || (waitMs > settings.maxDelayMs && settings.hasFallback());
    if (isTooLong) throw new CircuitOpenError(breaker.provider, "cooldown", waitMs);
    await sleep(settings.clock, waitMs + settings.random.next() * settings.spreadMs, call.scope);
  }
}

/** Does something to a breaker, and reports the change of state that comes of it. */
function observed<T>(call: GuardedCall, breaker: CircuitBreaker, act: () => T): T {
  const { generation } = breaker.state;
  try {
    return act();
  } finally {
    const { kind, generation: now } = breaker.state;
    if (now !== generation) call.emit(eventOf[kind], { provider: breaker.provider });
  }
}
