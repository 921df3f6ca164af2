import type { OrchestrationOutput, Replicate } from "../../src/index.ts";
import type { Claim, ClaimOptions, FencingToken, RunStore } from "../../src/reliability.ts";
import type { PlayedOperation } from "./history.ts";
import type { StoreOperationName } from "./scenario.ts";
import type { StoreTroubles } from "./store-troubles.ts";

/** A store that meets the planned faults, as one process sees it. */
export class FaultyStore implements RunStore {
  readonly #inner: RunStore;
  readonly #process: number;
  readonly #troubles: StoreTroubles;

  constructor(inner: RunStore, process: number, troubles: StoreTroubles) {
    this.#inner = inner;
    this.#process = process;
    this.#troubles = troubles;
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
    return this.#troubles.meet(played, work);
  }
}
