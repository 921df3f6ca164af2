/**
 * Job: hold a claim for as long as its run goes on.
 * Boundary: knows the store's tokens; what a lost claim means for the run is the caller's.
 * Invariants:
 * 1. The lease is renewed well before it runs out, one renewal at a time; one without an answer by then is asked anew.
 * 2. A claim that another run has is given up at once. One that could not be renewed before its lease ran out is unsure:
 *    nothing new starts until the store confirms it, and it is given up once patience is over.
 * 3. After `stop` nothing is renewed and no timer is left.
 * 4. While the key is being settled or released, a refusal may come from that: it ends nothing until patience is over.
 */
import { hostname } from "node:os";
import { StoreError } from "../../contract/errors.ts";
import { type Clock, schedule } from "../../core/clock.ts";
import type { FencingToken, RunStore } from "../../store/store.ts";
import { isStaleToken, mayBeReachedLater } from "./store-protection.ts";

/** Owner of this process's claims, for people who look. */
export const claimOwner = `${hostname()}:${process.pid}`;

export interface LeaseOptions {
  readonly store: RunStore;
  readonly token: FencingToken;
  readonly leaseMs: number;
  /** Time at which the claim was asked for: a store counts from some time between that and its answer. */
  readonly askedAtMs: number;
  readonly clock: Clock;
  /** Longest time past the lease for which a store that cannot be reached is asked again. */
  readonly patienceMs: number;
  /** Hears that another run has the claim, or may have it. */
  onLost(error: unknown): void;
}

/** Renews a lease three times in its length, until it is stopped. */
export function keepLease(options: LeaseOptions): Pick<Lease, "whenHeld" | "endsSoon" | "stop"> {
  const lease = new Lease(options);
  lease.start();
  return lease;
}

class Lease {
  readonly #options: LeaseOptions;
  #heldUntilMs: number;
  #endsSoon = false;
  #isStopped = false;
  #cancelTimer = () => {};
  #confirmation: PromiseWithResolvers<void> | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#heldUntilMs = options.askedAtMs + options.leaseMs;
  }

  start(): void {
    this.#wait(() => this.#renew(), Math.max(0, this.#leftMs - 2 * this.#pauseMs));
  }

  /** Hears that the run is about to store its output or to release its key. */
  endsSoon(): void {
    this.#endsSoon = true;
  }

  /** Resolves once the claim is confirmed, given up or stopped; `undefined` while its lease lasts. */
  whenHeld(): Promise<void> | undefined {
    if (this.#isStopped || this.#leftMs > 0) return undefined;
    this.#confirmation ??= Promise.withResolvers<void>();
    return this.#confirmation.promise;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
    this.#confirm();
  }

  #confirm(): void {
    this.#confirmation?.resolve();
    this.#confirmation = undefined;
  }

  get #pauseMs(): number {
    return this.#options.leaseMs / 3;
  }

  get #leftMs(): number {
    return this.#heldUntilMs - this.#options.clock.now();
  }

  #renew(): void {
    const { store, token, leaseMs, clock } = this.#options;
    const askedAtMs = clock.now();
    // A process that stood still for long has no time left, and yet the store may still hold the claim for it.
    this.#wait(() => this.#askAgain(), this.#leftMs > 0 ? this.#leftMs : this.#pauseMs);
    store.renew(token, leaseMs).then(
      () => {
        // An answer that lay unread while the process stood still tells nothing of the time since.
        if (askedAtMs + leaseMs > clock.now()) {
          this.#heldUntilMs = Math.max(this.#heldUntilMs, askedAtMs + leaseMs);
          this.#confirm();
        }
        this.start();
      },
      (error) => this.#retry(error),
    );
  }

  /** Stops waiting for an answer that has not come: its connection may be dead, and the next one alive. */
  #askAgain(): void {
    const { leaseMs, patienceMs } = this.#options;
    if (this.#leftMs + patienceMs > 0) this.#renew();
    else this.#lose(noAnswer(leaseMs));
  }

  /** Asks a store that cannot be reached again while there is patience, and another one until the lease ends. */
  #retry(error: unknown): void {
    const { patienceMs } = this.#options;
    const leftMs = this.#leftMs + (mayBeReachedLater(error) ? patienceMs : 0);
    // While the run is being settled, another run's claim shows in the answer to that.
    if (isStaleToken(error) && this.#endsSoon)
      this.#wait(() => this.#lose(error), Math.max(this.#leftMs + patienceMs, this.#pauseMs));
    else if (isStaleToken(error) || leftMs <= 0) this.#lose(error);
    else this.#wait(() => this.#renew(), Math.min(this.#leftMs > 0 ? this.#pauseMs : unsurePauseMs, leftMs));
  }

  #lose(error: unknown): void {
    if (this.#isStopped) return;
    this.stop();
    this.#options.onLost(error);
  }

  #wait(callback: () => void, ms: number): void {
    if (this.#isStopped) return;
    this.#cancelTimer();
    this.#cancelTimer = schedule(this.#options.clock, callback, ms);
  }
}

/** Pause between two questions whether an unsure claim is still held. */
const unsurePauseMs = 500;

function noAnswer(leaseMs: number): StoreError {
  return new StoreError({
    store: "run",
    operation: "renew",
    reason: "unavailable",
    what: `it did not answer before the lease of ${leaseMs} ms ran out, so that another run may have taken the key over`,
    advice: "Check that the store can be reached, or raise reliabilityConfig.leaseMs above its longest pause.",
  });
}
