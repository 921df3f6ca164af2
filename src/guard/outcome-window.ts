/** Into how many steps the window is divided: it forgets in steps of a tenth, and costs the same however many calls. */
const steps = 10;

/** Where a failure was counted. */
export type Step = number;

const outcomes = ["successes", "failures", "lost"] as const;

/** Calls of the last `windowMs`; those that are `lost` are failures, too. */
export type OutcomeCounts = Record<(typeof outcomes)[number], number>;

/** How the calls of the last `windowMs` went: well, badly so far, or badly for good. */
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
