/**
 * Job: keep a run's ceilings before anything is spent: reserve, charge, give back.
 * Boundary: knows amounts and time; what is called, and what follows a refusal, is the caller's.
 * Invariants:
 * 1. What is used and reserved passes no limit; only a call that uses more than it reserved can, and that is reported.
 * 2. Reservations are granted in the order in which they were asked for.
 * 3. What is charged counts once, here and in each ledger above, also after its reservation was released.
 */

import type { BudgetView } from "../contract/tool.ts";
import type { Budget, CallBound, Spent } from "../contract/usage.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { assertUsable, InvalidOptionsError } from "../core/errors.ts";
import type { CancelScope } from "../core/signal.ts";
import {
  type Amounts,
  type BudgetOverrun,
  LedgerAccount,
  type LedgerShared,
  type Part,
  parts,
  Reservation,
} from "./account.ts";
import { WaitQueue } from "./wait-queue.ts";

/** Options of a ledger. */
export interface BudgetLedgerOptions {
  /** Ceilings of all that is used. A part without a ceiling is left out. */
  readonly limits: Budget;
  /** Default: the real one. */
  readonly clock?: Clock | undefined;
  /** Called when a limit is passed, because a call used more than it had reserved. */
  readonly onOverrun?: ((overrun: BudgetOverrun) => void) | undefined;
}

/** Request for a reservation. */
export interface ReservationRequest {
  /**
   * Returns the most that the work may use; `undefined`, as a whole or in part, where that is not known. Asked again each
   * time that the work comes up for its turn.
   *
   * @param remaining what is left beside the work in flight
   * @param unspent what would be left if the work in flight used nothing
   */
  bound(remaining: Budget, unspent: Budget): CallBound | undefined;
  /** Its abort ends the wait. Default: nothing does. */
  readonly scope?: CancelScope | undefined;
}

/** Amounts that a refusal names for a call of unknown size, where nothing is left. */
const leastUse: Amounts = { tokens: 1, costUsd: 1e-6 };

/**
 * The ceilings of a run, or of a part of it.
 *
 * @example
 * ```ts
 * const ledger = new BudgetLedger({ limits: { tokens: 10_000 } });
 * const reservation = await ledger.reserve({ bound: () => ({ tokens: 800 }) });
 * reservation.settle({ usage: { inputTokens: 500, outputTokens: 100, totalTokens: 600 }, costUsd: 0.002 });
 * ```
 */
export class BudgetLedger implements BudgetView {
  readonly #accounts: readonly [LedgerAccount, ...LedgerAccount[]];
  readonly #shared: LedgerShared;
  readonly #isOneCall: boolean;

  constructor(options: BudgetLedgerOptions, above?: { ledger: BudgetLedger; isOneCall: boolean }) {
    const { limits, clock = systemClock, onOverrun } = options;
    if (!above) assertLimits(limits);
    const account = new LedgerAccount(limits, clock.now());
    this.#accounts = above ? [account, ...above.ledger.#accounts] : [account];
    this.#shared = above ? above.ledger.#shared : { clock, onOverrun, queue: new WaitQueue(clock), largest: {} };
    this.#isOneCall = above?.isOneCall ?? false;
  }

  get limits(): Readonly<Budget> {
    return this.#accounts[0].limits;
  }

  /** Sum of all charges, those of failed and aborted calls included. */
  get spent(): Spent {
    return this.#accounts[0].spent;
  }

  /** Creates a ledger inside this one. Its reservations and charges count here too. */
  child(limits: Budget): BudgetLedger {
    return new BudgetLedger({ limits, clock: this.#shared.clock }, { ledger: this, isOneCall: false });
  }

  /** Creates a ledger for the attempts of one call. Its limits stand in for an unknown bound. */
  forCall(limits: Budget): BudgetLedger {
    return new BudgetLedger({ limits, clock: this.#shared.clock }, { ledger: this, isOneCall: true });
  }

  remaining(): Budget {
    const remaining: Budget = {};
    for (const part of parts) if (this.#isLimited(part)) remaining[part] = this.#left(part);
    const leftMs = this.leftMs();
    if (leftMs < Number.POSITIVE_INFINITY) remaining.timeMs = Math.max(0, leftMs);
    return remaining;
  }

  /** Milliseconds to the deadline; `Infinity` where there is none. */
  leftMs(): number {
    const nowMs = this.#shared.clock.now();
    return this.#accounts.reduce((least, account) => Math.min(least, account.leftMs(nowMs)), Number.POSITIVE_INFINITY);
  }

  /**
   * Returns the earliest deadline of the ledgers inside the outermost one; `undefined` where there is none. The outermost
   * deadline is the run's to report.
   */
  innerTime(): { readonly leftMs: number; readonly limitMs: number } | undefined {
    const nowMs = this.#shared.clock.now();
    let first: { leftMs: number; limitMs: number } | undefined;
    for (const account of this.#accounts.slice(0, -1)) {
      const leftMs = account.leftMs(nowMs);
      if (leftMs < (first?.leftMs ?? Number.POSITIVE_INFINITY)) first = { leftMs, limitMs: account.limits.timeMs ?? 0 };
    }
    return first;
  }

  /** Deadline, on the ledger's clock; `Infinity` where there is none. */
  get endsAtMs(): number {
    return this.#shared.clock.now() + this.leftMs();
  }

  /** Moves the deadline to `untilMs`, if that is later: another caller that waits for the work has more time. */
  prolong(untilMs: number): void {
    this.#accounts[0].prolong(untilMs);
  }

  /**
   * Sets aside the amounts that a piece of work may use. Work that does not fit now waits for its turn, as long as work in
   * flight may give something back.
   *
   * @throws InvalidOptionsError without a bound; BudgetExceeded where nothing in flight can make it fit, or the time is up
   */
  async reserve(request: ReservationRequest): Promise<Reservation> {
    assertUsable(
      typeof request?.bound === "function",
      "bound",
      request?.bound,
      "a function that returns the most that the work may use: () => ({ tokens: 800 })",
    );
    return this.reserveOrWait(request);
  }

  /** Like `reserve`, without a promise where there is nothing to wait for. @internal */
  reserveOrWait(request: ReservationRequest): Reservation | Promise<Reservation> {
    const { scope } = request;
    const { queue } = this.#shared;
    if (scope?.aborted) throw scope.reason;
    const granted = queue.isEmpty ? this.#grant(request) : undefined;
    return granted ?? queue.wait({ attempt: () => this.#grant(request), scope, leftMs: () => this.leftMs() });
  }

  /** Counts what was used beside all reservations. @internal */
  charge(spent: Spent): void {
    new Reservation(this.#accounts, this.#shared, { tokens: 0, costUsd: 0 }, {}).settle(spent);
  }

  #grant(request: ReservationRequest): Reservation | undefined {
    const bound = request.bound(this.remaining(), this.#unspent()) ?? {};
    const nowMs = this.#shared.clock.now();
    const neededMs = isAmount(bound.timeMs) ? bound.timeMs : 0;
    for (const account of this.#accounts) account.demandMs(neededMs, nowMs);
    const tokens = this.#size("tokens", bound);
    const costUsd = this.#size("costUsd", bound);
    if (tokens === undefined || costUsd === undefined) return undefined;
    return new Reservation(
      this.#accounts,
      this.#shared,
      { tokens, costUsd },
      this.#reserved(bound, { tokens, costUsd }),
    );
  }

  /** Amount of a part to reserve; `undefined` while it does not fit. */
  #size(part: Part, bound: CallBound): number | undefined {
    const amount = bound[part];
    if (!this.#isLimited(part)) return isAmount(amount) ? amount : 0;
    const known = isAmount(amount) ? amount : this.#guess(part);
    if (known === undefined) return this.#sizeAlone(part);
    for (const account of this.#accounts) account.demand(part, known, bound);
    return this.#accounts.every((account) => account.fits(part, known)) ? known : undefined;
  }

  #guess(part: Part): number | undefined {
    const isOwnLimit = this.#isOneCall && this.limits[part] !== undefined;
    return isOwnLimit ? Math.max(leastUse[part], this.#left(part)) : this.#shared.largest[part];
  }

  /** A call of unknown size gets all that is left, once nothing else runs. */
  #sizeAlone(part: Part): number | undefined {
    if (this.#accounts.at(-1)?.isHeld) return undefined;
    for (const account of this.#accounts) account.demand(part, leastUse[part]);
    return this.#left(part);
  }

  #reserved(bound: Budget, amounts: Amounts): Budget {
    const reserved: Budget = {};
    for (const part of parts) if (isAmount(bound[part]) || this.#isLimited(part)) reserved[part] = amounts[part];
    return reserved;
  }

  #unspent(): Budget {
    const unspent: Budget = {};
    for (const part of parts)
      if (this.#isLimited(part))
        unspent[part] = this.#accounts.reduce(
          (least, account) => Math.min(least, account.unspent(part)),
          Number.POSITIVE_INFINITY,
        );
    return unspent;
  }

  #left(part: Part): number {
    return this.#accounts.reduce((least, account) => Math.min(least, account.left(part)), Number.POSITIVE_INFINITY);
  }

  #isLimited(part: Part): boolean {
    return this.#accounts.some((account) => account.limits[part] !== undefined);
  }
}

/** @throws InvalidOptionsError naming every limit that would limit nothing, or everything for ever */
function assertLimits(limits: Budget): void {
  const issues = Object.entries(limits ?? {}).flatMap(([name, given]) => {
    const isKnown = name === "timeMs" || parts.includes(name as Part);
    if (isKnown && (given === undefined || given >= 0)) return [];
    const allowed = isKnown ? "a number of at least 0" : "one of tokens, costUsd, timeMs";
    return [{ path: `limits.${name}`, given, allowed }];
  });
  if (issues.length > 0) throw new InvalidOptionsError(issues);
}

function isAmount(value: number | undefined): value is number {
  return value !== undefined && value >= 0;
}
