import type { OrchestrationOutput, Replicate } from "../../src/index.ts";
import type { Claim, ClaimOptions, FencingToken, RunStore } from "../../src/reliability.ts";
import type { PlayedOperation } from "./history.ts";
import type { StoreOperationName } from "./scenario.ts";
import type { StoreTroubles } from "./store-troubles.ts";
import type { WallClock } from "./wall-clock.ts";

/** A store that meets the planned faults, and counts by the wall clock of the process that asks, as one process sees it. */
export class FaultyStore implements RunStore {
  readonly #inner: RunStore;
  readonly #process: number;
  readonly #troubles: StoreTroubles;
  readonly #clock: WallClock;

  constructor(inner: RunStore, process: number, troubles: StoreTroubles, clock: WallClock) {
    this.#inner = inner;
    this.#process = process;
    this.#troubles = troubles;
    this.#clock = clock;
  }

  async claim(key: string, fingerprint: string, options: ClaimOptions): Promise<Claim> {
    const played = this.#begin("claim", key, { fingerprint });
    const claim = await this.#meet(played, () => this.#inner.claim(key, fingerprint, options));
    played.claim = claim.state;
    return claim;
  }

  renew(token: FencingToken, leaseMs: number): Promise<void> {
    return this.#meet(this.#begin("renew", token.key, {}), () => this.#inner.renew(token, leaseMs));
  }

  savePlan(token: FencingToken, plan: unknown): Promise<void> {
    return this.#meet(this.#begin("savePlan", token.key, {}), () => this.#inner.savePlan(token, plan));
  }

  append(token: FencingToken, replicate: Replicate): Promise<void> {
    return this.#meet(this.#begin("append", token.key, { replicate }), () => this.#inner.append(token, replicate));
  }

  settle(token: FencingToken, output: OrchestrationOutput, ttlMs: number): Promise<void> {
    const played = this.#begin("settle", token.key, { output, ttlMs });
    return this.#meet(played, () => this.#inner.settle(token, output, ttlMs));
  }

  release(token: FencingToken): Promise<void> {
    return this.#meet(this.#begin("release", token.key, {}), () => this.#inner.release(token));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #begin(operation: StoreOperationName, key: string, facts: PlayedOperation["facts"]): PlayedOperation {
    return this.#troubles.begin(this.#process, operation, key, facts);
  }

  #meet<R>(played: PlayedOperation, work: () => Promise<R>): Promise<R> {
    // A store in memory does its work before it returns, so that no other process is asked meanwhile.
    return this.#troubles.meet(played, () => this.#clock.asSeenBy(this.#process, work));
  }
}
