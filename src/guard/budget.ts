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
import { InvalidOptionsError } from "../core/errors.ts";
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

/** What a ledger keeps to. */
export interface BudgetLedgerOptions {
  /** What may be used in all. A part without a limit is left out. */
  readonly limits: Budget;
  /** Default: the real one. */
  readonly clock?: Clock | undefined;
  /** Hears when what was used passed a limit, because a call used more than it had reserved. */
  readonly onOverrun?: ((overrun: BudgetOverrun) => void) | undefined;
}

/** What a piece of work may need. */
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

/** The least that a call of unknown size uses: what a refusal names where nothing is left at all. */
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

  /** What was charged so far, that of failed and aborted calls included. */
  get spent(): Spent {
    return this.#accounts[0].spent;
  }

  /** A ledger inside this one: what it grants and charges counts here too. */
  child(limits: Budget): BudgetLedger {
    return new BudgetLedger({ limits, clock: this.#shared.clock }, { ledger: this, isOneCall: false });
  }

  /** A ledger for the attempts of one call: its limits stand in for a bound that nobody knows. */
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
   * The ceiling of time that ends first inside the outermost ledger's, whose end is not a single call's to tell;
   * `undefined` where there is none.
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

  /** When the time of this ledger is up, by its clock; `Infinity` where it has no end. */
  get endsAtMs(): number {
    return this.#shared.clock.now() + this.leftMs();
  }

  /** Lets its time last until then, if that is later: somebody waits for the work who has more of it. */
  prolong(untilMs: number): void {
    this.#accounts[0].prolong(untilMs);
  }

  /**
   * Sets aside what a piece of work may use. Where it does not fit now but work in flight may give something back, it
   * waits for its turn.
   *
   * @throws BudgetExceeded where nothing in flight can make it fit, or the time is up
   */
  async reserve(request: ReservationRequest): Promise<Reservation> {
    return this.reserveOrWait(request);
  }

  /** The same, without a promise where there is nothing to wait for. @internal */
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

  /** How much of a part to reserve; `undefined` while it does not fit. */
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

  /** Nothing is known of the call: it gets all that is left, once nothing else runs. */
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
