import type { Replicate } from "../contract/bundle.ts";
import { isOrchestratorError } from "../contract/errors.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import { StoreError, type StoreOperation } from "../contract/store-error.ts";
import { checkedClaim } from "./checked-claim.ts";
import type { Claim, ClaimOptions, FencingToken, RunStore } from "./store.ts";

/** A store of the user's, for which runs fail closed: whatever it throws, and a claim that says nothing, is a `StoreError`. */
export class GivenStore implements RunStore {
  readonly #store: RunStore;

  constructor(store: RunStore) {
    this.#store = store;
  }

  claim(key: string, fingerprint: string, options: ClaimOptions): Promise<Claim> {
    return this.#ask("claim", async (store) => checkedClaim(await store.claim(key, fingerprint, options)));
  }

  renew(token: FencingToken, leaseMs: number): Promise<void> {
    return this.#ask("renew", (store) => store.renew(token, leaseMs));
  }

  savePlan(token: FencingToken, plan: unknown): Promise<void> {
    return this.#ask("save_plan", (store) => store.savePlan(token, plan));
  }

  append(token: FencingToken, replicate: Replicate): Promise<void> {
    return this.#ask("append", (store) => store.append(token, replicate));
  }

  settle(token: FencingToken, output: OrchestrationOutput, ttlMs: number): Promise<void> {
    return this.#ask("settle", (store) => store.settle(token, output, ttlMs));
  }

  release(token: FencingToken): Promise<void> {
    return this.#ask("release", (store) => store.release(token));
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  async #ask<R>(operation: StoreOperation, ask: (store: RunStore) => Promise<R>): Promise<R> {
    try {
      return await ask(this.#store);
    } catch (error) {
      throw isOrchestratorError(error) ? error : storeFailed(this.#store, operation, error);
    }
  }
}

function storeFailed(store: RunStore, operation: StoreOperation, cause: unknown): StoreError {
  return new StoreError({
    store: nameOf(store),
    operation,
    reason: "failed",
    advice:
      "The store is the one that the orchestrator was given: see `cause`, and test it with storeConformance of steer-llm-sdk/testing.",
    cause,
  });
}

/** The name of its class; a store that is a plain object has none. */
function nameOf(store: RunStore): string {
  const type = store.constructor;
  return type === undefined || type === Object ? "given" : type.name;
}
