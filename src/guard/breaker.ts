import { type Clock, systemClock } from "../core/clock.ts";
import { assertUsable, showValue } from "../core/errors.ts";
import { CircuitOpenError } from "./errors.ts";
import { type CircuitBreakerConfig, type ResolvedCircuitBreakerConfig, resolveBreaker } from "./reliability-config.ts";
import { WaitQueue } from "./wait-queue.ts";

/**
 * Job: stop calling a provider that fails, and find out carefully whether it is back.
 * Boundary: is told outcomes; what an error means is decided in classify.ts, who waits or falls back elsewhere.
 * Invariants:
 * 1. A call counts once, however many attempts it takes; a failure that a later attempt makes good is taken back, and
 *    only calls that have failed for good can open the circuit.
 * 2. A result of an older generation changes nothing.
 * 3. Each probe ends its permit: by success, by failure, or by giving it back. One that takes too long is given up: its
 *    permit is replaced, and no longer given back, but what it finds out still counts.
 */

/** State of a circuit: calls go through (`closed`), are refused (`open`), or a few probes may go (`half_open`). */
export type BreakerState =
  | { readonly kind: "closed"; readonly generation: number }
  | { readonly kind: "open"; readonly generation: number; readonly untilMs: number }
  | {
      readonly kind: "half_open";
      readonly generation: number;
      /** Calls that may still be let through. */
      readonly permits: number;
      readonly successes: number;
      /** Time at which probes that hold all permits are given up, and others let through. */
      readonly untilMs: number;
    };

/** The leave to make a call. Calls that were let through together hold the same one. */
export interface Permit {
  readonly generation: number;
}

/** A failure in the window, which a later attempt of the same call may still make good. */
export interface CountedFailure {
  readonly generation: number;
  readonly step: Step;
}

/**
 * A circuit breaker with a sliding window, usable around anything.
 *
 * @example
 * ```ts
 * const breaker = new CircuitBreaker("crm", { failureThreshold: 10 });
 * const permit = breaker.enter(); // throws CircuitOpenError
 * try {
 *   await work();
 *   breaker.succeeded(permit);
 * } catch (error) {
 *   breaker.gaveUp(breaker.failed(permit));
 *   throw error;
 * }
 * ```
 */
export class CircuitBreaker {
  readonly provider: string;
  readonly #config: ResolvedCircuitBreakerConfig;
  readonly #clock: Clock;
  #state: BreakerState = { kind: "closed", generation: 0 };
  /** Permit that is given out now. Half open, calls with an earlier one of the same generation were given up. */
  #permit: Permit = { generation: 0 };
  #window: OutcomeWindow;
  /** Calls that wait for what the probes find out. @internal */
  readonly waiting: WaitQueue;
  readonly #cooldown: Cooldown;

  /**
   * @param provider names what is called, in errors
   * @param cooldown the provider's, which breakers of other options may share
   * @throws InvalidOptionsError
   */
  constructor(
    provider: string,
    config?: CircuitBreakerConfig | undefined,
    clock: Clock = systemClock,
    cooldown: Cooldown = new Cooldown(clock),
  ) {
    const message = `The first parameter is ${showValue(provider)}, not a name. Name what is called, then its options: new CircuitBreaker("crm", { failureThreshold: 10 }).`;
    assertUsable(typeof provider === "string", "provider", provider, "a text", message);
    this.provider = provider;
    this.#config = resolveBreaker(config);
    this.#clock = clock;
    this.#window = new OutcomeWindow(this.#config.windowMs);
    this.waiting = new WaitQueue(clock);
    this.#cooldown = cooldown;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** State that the next call would meet: an open circuit whose time is over counts as half open. */
  get kind(): BreakerState["kind"] {
    const state = this.#state;
    return state.kind === "open" && this.#clock.now() >= state.untilMs ? "half_open" : state.kind;
  }

  /** Milliseconds for which probes that take all permits may still say how the provider is; 0 where none do. */
  get probesLeftMs(): number {
    const state = this.#state;
    return state.kind === "half_open" && state.permits === 0 ? Math.max(0, state.untilMs - this.#clock.now()) : 0;
  }

  /** True where a new breaker would do as well: this one knows of no failure. @internal */
  get isAsNew(): boolean {
    if (this.#state.kind !== "closed" || this.cooldownLeftMs > 0) return false;
    return this.#window.counts(this.#clock.now()).failures === 0;
  }

  /** Forgets what is held against the provider: closes the circuit and ends the pause. */
  reset(): void {
    this.#close();
    this.#cooldown.end();
  }

  /** Milliseconds for which the provider has asked not to be called. */
  get cooldownLeftMs(): number {
    return this.#cooldown.leftMs;
  }

  /** The provider asks for a pause. */
  coolDown(ms: number): void {
    this.#cooldown.extend(ms);
  }

  /** @throws CircuitOpenError where no call may be made now */
  enter(): Permit {
    if (this.#state.kind !== "closed") this.#state = this.#probing(this.#state, this.#clock.now());
    return this.#permit;
  }

  /** Half open, with one permit less. */
  #probing(state: Exclude<BreakerState, { kind: "closed" }>, nowMs: number): BreakerState {
    const untilMs = nowMs + this.#config.openMs;
    if (state.kind === "half_open" && state.permits > 0) return { ...state, permits: state.permits - 1, untilMs };
    if (nowMs < state.untilMs)
      throw new CircuitOpenError(this.provider, "open", state.kind === "open" ? state.untilMs - nowMs : 0);
    const { generation, successes } =
      state.kind === "open" ? { generation: state.generation + 1, successes: 0 } : state;
    this.#permit = { generation };
    return { kind: "half_open", generation, permits: this.#config.halfOpenRequests - 1, successes, untilMs };
  }

  /**
   * A call has succeeded: closes the circuit where enough probes have.
   *
   * @param earlier the failure of an earlier attempt of the same call, which this success makes good
   */
  succeeded(permit: Permit, earlier?: CountedFailure | undefined): void {
    const state = this.#state;
    const { generation } = permit;
    if (generation !== state.generation || state.kind === "open") return;
    if (state.kind === "closed") {
      if (earlier?.generation === generation) this.#window.redeem(earlier.step, this.#clock.now());
      else this.#window.addSuccess(this.#clock.now());
      return;
    }
    const successes = state.successes + 1;
    if (successes < this.#config.successThreshold) this.#state = { ...state, successes };
    else this.#close();
  }

  /**
   * @param earlier the failure that the call counts for already
   * @returns the failure that the call counts for from now on
   */
  failed(permit: Permit, earlier?: CountedFailure | undefined): CountedFailure | undefined {
    const { kind, generation } = this.#state;
    if (permit.generation !== generation || kind === "open") return earlier;
    if (kind === "half_open") {
      this.#open();
      return earlier;
    }
    if (earlier?.generation === generation) return earlier;
    return { generation, step: this.#window.addFailure(this.#clock.now()) };
  }

  /** The call said nothing about the provider: it was cancelled, refused, or wrong in itself. */
  released(permit: Permit): void {
    const state = this.#state;
    if (permit !== this.#permit || state.kind !== "half_open") return;
    this.#state = { ...state, permits: state.permits + 1 };
    this.waiting.advance();
  }

  /** A call has failed for good: opens the circuit where the window holds too many of those. */
  gaveUp(failure: CountedFailure | undefined): void {
    if (this.#state.kind !== "closed" || failure?.generation !== this.#state.generation) return;
    const nowMs = this.#clock.now();
    this.#window.lose(failure.step, nowMs);
    const { lost, failures, successes } = this.#window.counts(nowMs);
    const { failureThreshold, failureRatio } = this.#config;
    if (lost >= failureThreshold && failures >= failureRatio * (failures + successes)) this.#open();
  }

  #open(): void {
    const untilMs = this.#clock.now() + this.#config.openMs;
    this.#state = { kind: "open", generation: this.#state.generation + 1, untilMs };
    this.waiting.advance();
  }

  #close(): void {
    this.#window = new OutcomeWindow(this.#config.windowMs);
    this.#permit = { generation: this.#state.generation + 1 };
    this.#state = { kind: "closed", ...this.#permit };
    this.waiting.advance();
  }
}

/** Into how many steps the window is divided: it forgets in steps of a tenth, and costs the same however many calls. */
const steps = 10;

/** Step of the window in which a failure was counted. */
export type Step = number;

const outcomes = ["successes", "failures", "lost"] as const;

/** Calls of the last `windowMs`; those that are `lost` are failures, too. */
export type OutcomeCounts = Record<(typeof outcomes)[number], number>;

/** Outcomes of the calls of the last `windowMs`: well, badly so far, or badly for good. */
export class OutcomeWindow {
  readonly #stepMs: number;
  readonly #counts: readonly OutcomeCounts[] = Array.from({ length: steps }, none);
  #current: Step = 0;

  constructor(windowMs: number) {
    this.#stepMs = windowMs / steps;
  }

  addSuccess(nowMs: number): void {
    this.#at(this.#moveTo(nowMs)).successes++;
  }

  addFailure(nowMs: number): Step {
    const step = this.#moveTo(nowMs);
    this.#at(step).failures++;
    return step;
  }

  /** Makes a success of a failure, if that is still in the window. */
  redeem(step: Step, nowMs: number): void {
    if (this.#moveTo(nowMs) - step >= steps) return;
    this.#at(step).failures--;
    this.#at(step).successes++;
  }

  /** A failure turned out to be one for good, which is now. */
  lose(step: Step, nowMs: number): void {
    const current = this.#moveTo(nowMs);
    if (current - step < steps) this.#at(step).failures--;
    this.#at(current).failures++;
    this.#at(current).lost++;
  }

  counts(nowMs: number): OutcomeCounts {
    this.#moveTo(nowMs);
    const sum = none();
    for (const counts of this.#counts) for (const outcome of outcomes) sum[outcome] += counts[outcome];
    return sum;
  }

  #at(step: Step): OutcomeCounts {
    return this.#counts[step % steps] as OutcomeCounts;
  }

  #moveTo(nowMs: number): Step {
    const step = Math.floor(nowMs / this.#stepMs);
    const first = Math.max(this.#current + 1, step - steps + 1);
    for (let passed = first; passed <= step; passed++) Object.assign(this.#at(passed), none());
    this.#current = Math.max(step, this.#current);
    return this.#current;
  }
}

function none(): OutcomeCounts {
  return { successes: 0, failures: 0, lost: 0 };
}

/**
 * Pause that a provider has asked for. It belongs to the provider, or to one of its models, so all breakers keep the same one.
 *
 * @example
 * ```ts
 * const pause = new Cooldown();
 * const strict = new CircuitBreaker("crm", { failureThreshold: 1 }, undefined, pause);
 * const patient = new CircuitBreaker("crm", { failureThreshold: 50 }, undefined, pause);
 * strict.coolDown(5_000);
 * patient.cooldownLeftMs; // 5000
 * ```
 */
export class Cooldown {
  readonly #clock: Pick<Clock, "now">;
  readonly #waiting = new Set<() => void>();
  #untilMs = 0;

  /** @param clock default: the real one */
  constructor(clock: Pick<Clock, "now"> = systemClock) {
    this.#clock = clock;
  }

  /** Milliseconds that are left of it; 0 where there is none. */
  get leftMs(): number {
    return this.#untilMs === 0 ? 0 : Math.max(0, this.#untilMs - this.#clock.now());
  }

  /** Lets the pause last at least so long from now on. */
  extend(ms: number): void {
    this.#untilMs = Math.max(this.#untilMs, this.#clock.now() + ms);
  }

  /** Ends the pause before its time. */
  end(): void {
    this.#untilMs = 0;
    for (const wake of this.#waiting) wake();
  }

  /** Calls `wake` when the pause is ended before its time. Returns a function that stops listening. @internal */
  onEnd(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => void this.#waiting.delete(wake);
  }
}
