import type { BreakerState } from "../../src/guard/breaker.ts";
import type { ResolvedCircuitBreakerConfig } from "../../src/guard/reliability-config.ts";

interface Outcome {
  readonly generation: number;
  readonly step: number;
  failed: boolean;
}

/**
 * What a circuit breaker should do, written for the reader: it keeps every outcome for ever, and counts anew each time.
 */
export class ModelBreaker {
  state: BreakerState = { kind: "closed", generation: 0 };
  readonly #config: ResolvedCircuitBreakerConfig;
  readonly #now: () => number;
  readonly #outcomes: Outcome[] = [];

  constructor(config: ResolvedCircuitBreakerConfig, now: () => number) {
    this.#config = config;
    this.#now = now;
  }

  enter(): number | undefined {
    const { state } = this;
    if (state.kind === "closed") return state.generation;
    const isOver = this.#now() >= state.untilMs;
    if (state.kind === "open" && !isOver) return undefined;
    if (state.kind === "half_open" && state.permits === 0 && !isOver) return undefined;
    if (state.kind === "open" || state.permits === 0) {
      const untilMs = this.#now() + this.#config.openMs;
      const permits = this.#config.halfOpenRequests - 1;
      this.state = { kind: "half_open", generation: state.generation + 1, permits, successes: 0, untilMs };
    } else this.state = { ...state, permits: state.permits - 1 };
    return this.state.generation;
  }

  succeeded(permit: number, failure: Outcome | undefined): void {
    const { state } = this;
    if (permit !== state.generation) return;
    if (state.kind === "closed") {
      if (failure?.generation === permit) failure.failed = false;
      else this.#outcomes.push({ generation: permit, step: this.#step(), failed: false });
    }
    if (state.kind === "half_open") {
      const successes = state.successes + 1;
      const isEnough = successes >= this.#config.successThreshold;
      this.state = isEnough ? { kind: "closed", generation: permit + 1 } : { ...state, successes };
    }
  }

  failed(permit: number, earlier: Outcome | undefined): Outcome | undefined {
    if (permit !== this.state.generation) return earlier;
    if (this.state.kind === "half_open") this.#open();
    if (this.state.kind === "open" || earlier?.generation === permit) return earlier;
    const failure = { generation: permit, step: this.#step(), failed: true };
    this.#outcomes.push(failure);
    return failure;
  }

  released(permit: number): void {
    const { state } = this;
    if (state.kind === "half_open" && permit === state.generation)
      this.state = { ...state, permits: state.permits + 1 };
  }

  gaveUp(failure: Outcome | undefined): void {
    const { state } = this;
    if (state.kind !== "closed" || failure?.generation !== state.generation) return;
    const inWindow = this.#outcomes.filter(
      ({ generation, step }) => generation === state.generation && step > this.#step() - 10,
    );
    const failures = inWindow.filter(({ failed }) => failed).length;
    const { failureThreshold, failureRatio } = this.#config;
    if (failures >= failureThreshold && failures >= failureRatio * inWindow.length) this.#open();
  }

  #open(): void {
    const untilMs = this.#now() + this.#config.openMs;
    this.state = { kind: "open", generation: this.state.generation + 1, untilMs };
  }

  #step(): number {
    return Math.floor(this.#now() / (this.#config.windowMs / 10));
  }
}
