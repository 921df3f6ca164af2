/**
 * Job: hold a claim for as long as its run goes on.
 * Boundary: knows the store's tokens; what a lost claim means for the run is the caller's.
 * Invariants:
 * 1. The lease is renewed well before it runs out, one renewal at a time.
 * 2. After `stop` nothing is renewed and no timer is left.
 */

import { StoreError } from "../contract/store-error.ts";
import { type Clock, schedule } from "../core/clock.ts";
import type { FencingToken, RunStore } from "../store/store.ts";

export interface LeaseOptions {
  readonly store: RunStore;
  readonly token: FencingToken;
  readonly leaseMs: number;
  readonly clock: Clock;
  /** The claim is someone else's by now. */
  onLost(error: unknown): void;
}

/** Renews a lease three times in its length, until it is stopped. */
export function keepLease({ store, token, leaseMs, clock, onLost }: LeaseOptions): { stop(): void } {
  let isStopped = false;
  let cancel = () => {};
  const arm = () => {
    if (!isStopped) cancel = schedule(clock, renew, leaseMs / 3);
  };
  const renew = () => {
    store.renew(token, leaseMs).then(arm, (error) => {
      if (isStopped) return;
      // A store that cannot be reached now may be there before the lease runs out; a stale token stays stale.
      if (StoreError.isInstance(error) && error.reason === "stale_token") onLost(error);
      else arm();
    });
  };
  arm();
  return {
    stop() {
      isStopped = true;
      cancel();
    },
  };
}
