/**
 * Job: keep calls that fail together from becoming a storm of retries.
 * Boundary: counts tokens; when a retry makes sense at all, and how long to wait, is decided elsewhere.
 * Invariant: between 0 and `capacity` tokens at any time.
 */
import { nextSweepSize } from "./sweep-size.ts";

const capacity = 500;
const retryCost = 5;
const timeoutRetryCost = 10;
const firstTryGain = 1;

/**
 * The retries that one provider may still be asked for. A retry costs 5 tokens of 500, one after a timeout 10; a retry
 * that succeeds gives its cost back, and a call that succeeds at once gives 1.
 */
export class RetryBudget {
  #tokens = capacity;

  get tokens(): number {
    return this.#tokens;
  }

  /** Takes what a retry costs; 0 where there is not enough left. */
  withdraw(isAfterTimeout: boolean): number {
    const cost = isAfterTimeout ? timeoutRetryCost : retryCost;
    if (cost > this.#tokens) return 0;
    this.#tokens -= cost;
    return cost;
  }

  /** Gives back what the retry that succeeded had cost, or the gain of a first try. */
  deposit(cost: number = firstTryGain): void {
    this.#tokens = Math.min(capacity, this.#tokens + cost);
  }
}

/** One retry budget a provider. */
export class RetryBudgets {
  readonly #budgets = new Map<string, RetryBudget>();
  #sweepSize = nextSweepSize();

  of(provider: string): RetryBudget {
    const known = this.#budgets.get(provider);
    if (known) return known;
    if (this.#budgets.size >= this.#sweepSize) this.#sweep();
    const budget = new RetryBudget();
    this.#budgets.set(provider, budget);
    return budget;
  }

  /** One that is full is as good as a new one. */
  #sweep(): void {
    for (const [provider, { tokens }] of this.#budgets) if (tokens === capacity) this.#budgets.delete(provider);
    this.#sweepSize = nextSweepSize(this.#budgets.size);
  }
}
