import type { Budget, Spent } from "../contract/usage.ts";
import type { Clock } from "../core/clock.ts";
import { tellListener } from "../core/emitter.ts";
import { type Account, type Amounts, type Part, parts } from "./account.ts";
import type { Turns } from "./turns.ts";

/** A limit that was passed, because a call used more than anyone could know before. */
export interface BudgetOverrun {
  readonly budgetType: Part;
  readonly limit: number;
  /** What is used by now. */
  readonly actual: number;
}

/** What the ledgers of one run share. */
export interface LedgerShared {
  readonly clock: Clock;
  readonly onOverrun: ((overrun: BudgetOverrun) => void) | undefined;
  readonly turns: Turns;
  /** The most that one reservation turned out to use. */
  readonly largest: { -readonly [P in Part]?: number };
}

/** What is set aside for one piece of work, until it is released. */
export class Reservation {
  /** What may be used. A part that is neither limited nor known is left out. */
  readonly reserved: Readonly<Budget>;
  readonly #accounts: readonly Account[];
  readonly #shared: LedgerShared;
  readonly #held: Amounts;
  readonly #charged: Partial<Amounts> = {};
  #isReleased = false;

  constructor(accounts: readonly Account[], shared: LedgerShared, amounts: Amounts, reserved: Budget) {
    this.reserved = reserved;
    this.#accounts = accounts;
    this.#shared = shared;
    this.#held = amounts;
    for (const account of accounts) account.hold(amounts);
  }

  /** Counts what was used. May be called several times, and after the release: what is paid is paid. */
  charge(spent: Spent): void {
    for (const account of this.#accounts) account.record(spent);
    this.#use("tokens", spent.usage.totalTokens);
    // Where the price is not known, what was reserved stands in for it.
    this.#use("costUsd", spent.costUsd ?? this.#held.costUsd);
  }

  /** Gives back what was not used. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    for (const part of parts) {
      this.#unreserve(part, this.#held[part]);
      const charged = this.#charged[part];
      if (charged !== undefined) this.#shared.largest[part] = Math.max(charged, this.#shared.largest[part] ?? 0);
    }
    for (const account of this.#accounts) account.release();
    this.#shared.turns.advance();
  }

  /** The work is over, and used this much. */
  settle(spent: Spent): void {
    this.charge(spent);
    this.release();
  }

  #use(part: Part, amount: number): void {
    this.#charged[part] = (this.#charged[part] ?? 0) + amount;
    this.#unreserve(part, Math.min(amount, this.#held[part]));
    for (const account of this.#accounts) {
      account.use(part, amount);
      const overrun = amount > 0 ? account.overrun(part) : undefined;
      if (overrun && this.#shared.onOverrun) tellListener(this.#shared.onOverrun, { budgetType: part, ...overrun });
    }
  }

  #unreserve(part: Part, amount: number): void {
    this.#held[part] -= amount;
    for (const account of this.#accounts) account.unreserve(part, amount);
  }
}
