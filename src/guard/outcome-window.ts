/** Into how many steps the window is divided: it forgets in steps of a tenth, and costs the same however many calls. */
const steps = 10;

/** Where a failure was counted. */
export type Step = number;

/** Failures and successes of the last `windowMs`. */
export class OutcomeWindow {
  readonly #stepMs: number;
  readonly #failures = new Array<number>(steps).fill(0);
  readonly #successes = new Array<number>(steps).fill(0);
  #current: Step = 0;

  constructor(windowMs: number) {
    this.#stepMs = windowMs / steps;
  }

  addSuccess(nowMs: number): void {
    const index = this.#moveTo(nowMs) % steps;
    this.#successes[index] = (this.#successes[index] ?? 0) + 1;
  }

  addFailure(nowMs: number): Step {
    const step = this.#moveTo(nowMs);
    this.#failures[step % steps] = (this.#failures[step % steps] ?? 0) + 1;
    return step;
  }

  /** Makes a success of a failure, if that is still in the window. */
  redeem(step: Step, nowMs: number): void {
    if (this.#moveTo(nowMs) - step >= steps) return;
    const index = step % steps;
    this.#failures[index] = (this.#failures[index] ?? 0) - 1;
    this.#successes[index] = (this.#successes[index] ?? 0) + 1;
  }

  counts(nowMs: number): { readonly failures: number; readonly successes: number } {
    this.#moveTo(nowMs);
    return { failures: sum(this.#failures), successes: sum(this.#successes) };
  }

  #moveTo(nowMs: number): Step {
    const step = Math.floor(nowMs / this.#stepMs);
    const first = Math.max(this.#current + 1, step - steps + 1);
    for (let passed = first; passed <= step; passed++) {
      this.#failures[passed % steps] = 0;
      this.#successes[passed % steps] = 0;
    }
    this.#current = Math.max(step, this.#current);
    return this.#current;
  }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
