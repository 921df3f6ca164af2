import type { BreakerState } from "../../src/guard/breaker.ts";
import type { ResolvedCircuitBreakerConfig } from "../../src/guard/reliability-config.ts";

interface Outcome {
  readonly generation: number;
  step: number;
  failed: boolean;
  /** Failed for good. */
  isLost: boolean;
}

/** A call that was let through. */
interface ModelPermit {
  readonly generation: number;
  readonly sinceMs: number;
  /** Whether it holds one of the places of a half-open circuit: not once it was given back, or the call given up. */
  isHeld: boolean;
}

/**
 * What a circuit breaker should do, written for the reader: it keeps every call and every outcome for ever, and counts
 * anew each time.
 */
export class ModelBreaker {
  readonly #config: ResolvedCircuitBreakerConfig;
  readonly #now: () => number;
  readonly #outcomes: Outcome[] = [];
  #kind: BreakerState["kind"] = "closed";
  #generation = 0;
  #openUntilMs = 0;
  #permits: ModelPermit[] = [];
  #successes = 0;
  /** Probes that had been given up, and counted all the same. */
  lateResults = 0;

  constructor(config: ResolvedCircuitBreakerConfig, now: () => number) {
    this.#config = config;
    this.#now = now;
  }

  get state(): BreakerState {
    const generation = this.#generation;
    if (this.#kind === "closed") return { kind: "closed", generation };
    if (this.#kind === "open") return { kind: "open", generation, untilMs: this.#openUntilMs };
    const permits = this.#config.halfOpenRequests - this.#held.length;
    return { kind: "half_open", generation, permits, successes: this.#successes, untilMs: this.#patientUntilMs };
  }

  get #held(): ModelPermit[] {
    return this.#permits.filter(({ isHeld }) => isHeld);
  }

  /** From then on probes that hold all places are given up. */
  get #patientUntilMs(): number {
    return Math.max(...this.#permits.map(({ sinceMs }) => sinceMs)) + this.#config.openMs;
  }

  enter(): ModelPermit | undefined {
    if (this.#kind === "open") {
      if (this.#now() < this.#openUntilMs) return undefined;
      this.#begin("half_open");
    }
    if (this.#kind === "half_open" && this.#held.length === this.#config.halfOpenRequests) {
      if (this.#now() < this.#patientUntilMs) return undefined;
      for (const permit of this.#held) permit.isHeld = false;
    }
    const permit = { generation: this.#generation, sinceMs: this.#now(), isHeld: true };
    this.#permits.push(permit);
    return permit;
  }

  succeeded(permit: ModelPermit, failure: Outcome | undefined): void {
    if (!this.#isOfNow(permit)) return;
    if (this.#kind === "closed") {
      if (failure?.generation === permit.generation) failure.failed = false;
      else this.#outcomes.push({ generation: permit.generation, step: this.#step(), failed: false, isLost: false });
    }
    if (this.#kind === "half_open") {
      this.#successes++;
      if (this.#successes >= this.#config.successThreshold) this.#begin("closed");
    }
  }

  failed(permit: ModelPermit, earlier: Outcome | undefined): Outcome | undefined {
    if (!this.#isOfNow(permit)) return earlier;
    if (this.#kind === "half_open") this.#open();
    if (this.#kind === "open" || earlier?.generation === permit.generation) return earlier;
    const failure = { generation: permit.generation, step: this.#step(), failed: true, isLost: false };
    this.#outcomes.push(failure);
    return failure;
  }

  released(permit: ModelPermit): void {
    permit.isHeld = false;
  }

  gaveUp(failure: Outcome | undefined): void {
    if (this.#kind !== "closed" || failure?.generation !== this.#generation) return;
    failure.step = this.#step();
    failure.isLost = true;
    const inWindow = this.#outcomes.filter(
      ({ generation, step }) => generation === this.#generation && step > this.#step() - 10,
    );
    const failures = inWindow.filter(({ failed }) => failed).length;
    const lost = inWindow.filter(({ isLost }) => isLost).length;
    const { failureThreshold, failureRatio } = this.#config;
    if (lost >= failureThreshold && failures >= failureRatio * inWindow.length) this.#open();
  }

  #isOfNow({ generation, isHeld }: ModelPermit): boolean {
    const isOfNow = generation === this.#generation && this.#kind !== "open";
    if (isOfNow && !isHeld) this.lateResults++;
    return isOfNow;
  }

  #open(): void {
    this.#openUntilMs = this.#now() + this.#config.openMs;
    this.#begin("open");
  }

  #begin(kind: BreakerState["kind"]): void {
    this.#kind = kind;
    this.#generation++;
    this.#permits = [];
    this.#successes = 0;
  }

  #step(): number {
    return Math.floor(this.#now() / (this.#config.windowMs / 10));
  }
}
