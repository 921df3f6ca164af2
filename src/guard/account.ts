import { BudgetExceeded } from "../contract/errors.ts";
import { addSpent, type Budget, type CallBound, nothingSpent, type Spent } from "../contract/usage.ts";
import type { Clock } from "../core/clock.ts";
import { tellListener } from "../core/emitter.ts";
import type { WaitQueue } from "./wait-queue.ts";

/** Parts of a budget that calls use up. The third part, time, passes by itself. */
export type Part = "tokens" | "costUsd";
export type Amounts = Record<Part, number>;
export const parts: readonly Part[] = ["tokens", "costUsd"];

/** Sums of dollars are inexact in their last digits: an excess below this share of a limit is none. */
const relativeSlack = 1e-9;

/** One set of ceilings, and the amounts used and reserved under them. Invariant: `used` only grows. */
export class LedgerAccount {
  #limits: Readonly<Budget>;
  readonly #startedAtMs: number;
  readonly #used: Amounts = { tokens: 0, costUsd: 0 };
  readonly #reserved: Amounts = { tokens: 0, costUsd: 0 };
  #holders = 0;
  #spent: Spent = nothingSpent;

  constructor(limits: Budget, nowMs: number) {
    this.#limits = Object.freeze({ ...limits });
    this.#startedAtMs = nowMs;
  }

  get limits(): Readonly<Budget> {
    return this.#limits;
  }

  get spent(): Spent {
    return this.#spent;
  }

  /** True while any reservation is held. */
  get isHeld(): boolean {
    return this.#holders > 0;
  }

  /** Amount that is neither used nor reserved; `Infinity` without a limit. */
  left(part: Part): number {
    return Math.max(0, this.#limit(part) - this.#used[part] - this.#reserved[part]);
  }

  leftMs(nowMs: number): number {
    return (this.limits.timeMs ?? Number.POSITIVE_INFINITY) - (nowMs - this.#startedAtMs);
  }

  /** Moves the deadline to `untilMs`, if that is later. */
  prolong(untilMs: number): void {
    const { timeMs = Number.POSITIVE_INFINITY, ...limits } = this.#limits;
    const wantedMs = untilMs - this.#startedAtMs;
    if (wantedMs <= timeMs) return;
    this.#limits = Object.freeze(wantedMs === Number.POSITIVE_INFINITY ? limits : { ...limits, timeMs: wantedMs });
  }

  /** Amount that is not used, be it reserved or not; `Infinity` without a limit. */
  unspent(part: Part): number {
    return Math.max(0, this.#limit(part) - this.#used[part]);
  }

  /** @throws BudgetExceeded where the amount would not fit if all reservations were given back */
  demand(part: Part, amount: number, { isEstimate, because }: CallBound = {}): void {
    const limit = this.#limit(part);
    const needed = this.#used[part] + amount;
    if (needed > limit * (1 + relativeSlack)) throw new BudgetExceeded(part, limit, needed, { isEstimate, because });
  }

  /** @throws BudgetExceeded where less time is left than is needed, or none */
  demandMs(neededMs: number, nowMs: number): void {
    const leftMs = this.leftMs(nowMs);
    if (leftMs > 0 && neededMs <= leftMs) return;
    const waitedFor = leftMs > 0 ? undefined : "its next call";
    throw new BudgetExceeded("timeMs", this.limits.timeMs ?? 0, nowMs - this.#startedAtMs + neededMs, { waitedFor });
  }

  fits(part: Part, amount: number): boolean {
    return this.#used[part] + this.#reserved[part] + amount <= this.#limit(part) * (1 + relativeSlack);
  }

  hold(amounts: Amounts): void {
    this.#holders++;
    for (const part of parts) this.#reserved[part] += amounts[part];
  }

  /** Lowers the reserved amount. */
  unreserve(part: Part, amount: number): void {
    this.#reserved[part] -= amount;
  }

  /** Ends one holder, whose amounts were unreserved before. */
  release(): void {
    this.#holders--;
  }

  use(part: Part, amount: number): void {
    this.#used[part] += amount;
  }

  record(spent: Spent): void {
    this.#spent = addSpent(this.#spent, spent);
  }

  /** Returns the limit and the used amount, where the limit is passed. */
  overrun(part: Part): { limit: number; actual: number } | undefined {
    const limit = this.#limit(part);
    const actual = this.#used[part];
    return actual > limit * (1 + relativeSlack) ? { limit, actual } : undefined;
  }

  #limit(part: Part): number {
    return this.limits[part] ?? Number.POSITIVE_INFINITY;
  }
}

/** A limit that was passed, because a call used more than was known before. */
export interface BudgetOverrun {
  readonly budgetType: Part;
  readonly limit: number;
  /** Amount used so far. */
  readonly actual: number;
}

/** State that the ledgers of one run share. */
export interface LedgerShared {
  readonly clock: Clock;
  readonly onOverrun: ((overrun: BudgetOverrun) => void) | undefined;
  readonly queue: WaitQueue;
  /** Largest amounts that one reservation was charged. */
  readonly largest: { -readonly [P in Part]?: number };
}

/** Amounts set aside for one piece of work, until they are released. */
export class Reservation {
  /** Amounts that may be used. A part that is neither limited nor known is left out. */
  readonly reserved: Readonly<Budget>;
  readonly #accounts: readonly LedgerAccount[];
  readonly #shared: LedgerShared;
  readonly #held: Amounts;
  readonly #charged: Partial<Amounts> = {};
  #isReleased = false;

  constructor(accounts: readonly LedgerAccount[], shared: LedgerShared, amounts: Amounts, reserved: Budget) {
    this.reserved = reserved;
    this.#accounts = accounts;
    this.#shared = shared;
    this.#held = amounts;
    for (const account of accounts) account.hold(amounts);
  }

  /** Counts a use. May be called several times, and after the release: what is paid is paid. */
  charge(spent: Spent): void {
    for (const account of this.#accounts) account.record(spent);
    this.#use("tokens", spent.usage.totalTokens);
    // The reserved amount stands in for an unknown price.
    this.#use("costUsd", spent.costUsd ?? this.#held.costUsd);
  }

  /** Gives back the amounts that were not used. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    for (const part of parts) {
      this.#unreserve(part, this.#held[part]);
      const charged = this.#charged[part];
      if (charged !== undefined) this.#shared.largest[part] = Math.max(charged, this.#shared.largest[part] ?? 0);
    }
    for (const account of this.#accounts) account.release();
    this.#shared.queue.advance();
  }

  /** Charges and releases. */
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
