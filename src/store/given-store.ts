import type { Replicate } from "../contract/bundle.ts";
import { isOrchestratorError, StoreError, type StoreOperation } from "../contract/errors.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import { showValue } from "../core/errors.ts";
import type { Claim, ClaimOptions, FencingToken, RunStore, SettledRun } from "./store.ts";

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

  /** True of a store that keeps runs for review. */
  get keepsReviews(): boolean {
    return typeof this.#store.read === "function" && typeof this.#store.replace === "function";
  }

  read(key: string): Promise<SettledRun | undefined> {
    return this.#ask("read", async (store) => {
      const found = await store.read?.(key);
      if (found !== undefined) expect(found, isToken(found.token) && isOutput(found.output), settledRun, "read");
      return found;
    });
  }

  replace(token: FencingToken, output: OrchestrationOutput, ttlMs: number): Promise<void> {
    return this.#ask("replace", async (store) => store.replace?.(token, output, ttlMs));
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

/**
 * Checks the result of a claim that a custom store returned.
 *
 * @throws TypeError saying what it gave and what is wanted: a run must not go on without its key by mistake
 */
function checkedClaim(given: unknown): Claim {
  const claim = Object(given) as Record<string, any>;
  const { state, sameFingerprint } = claim;
  if (state === "won") expect(given, isToken(claim["token"]) && areReplicates(claim["replicates"]), won);
  else if (state === "running") expect(given, isBoolean(sameFingerprint) && claim["leaseEndsInMs"] >= 0, running);
  else expect(given, state === "settled" && isBoolean(sameFingerprint), `${won}, ${running}, or ${settled}`);
  if (state === "settled" && sameFingerprint) expect(given, isOutput(claim["output"]), settled);
  return given as Claim;
}

const won = '{ state: "won", token: { key, fence }, replicates: […] }';
const running = '{ state: "running", sameFingerprint, leaseEndsInMs: 0 or more }';
const settled =
  '{ state: "settled", sameFingerprint, output: what settle was given, where the fingerprint is the same }';

const settledRun = "{ token: { key, fence }, output: what settle was given }, or undefined";

function expect(given: unknown, fits: boolean, wanted: string, method = "claim"): void {
  if (!fits) throw new TypeError(`${method} gave ${showValue(given)}; wanted: ${wanted}`);
}

function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

function isToken(token: any): boolean {
  return typeof token?.key === "string" && typeof token.fence === "number";
}

function areReplicates(replicates: unknown): boolean {
  return Array.isArray(replicates) && replicates.every((replicate) => typeof replicate?.id === "string");
}

function isOutput(output: any): boolean {
  return typeof output?.status === "string" && Object(output.metadata) === output.metadata;
}
