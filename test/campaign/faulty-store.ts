import type { OrchestrationOutput, Replicate } from "../../src/index.ts";
import { type Claim, type ClaimOptions, type FencingToken, type RunStore, StoreError } from "../../src/reliability.ts";
import type { PlayedOperation } from "./history.ts";
import type { StoreFault, StoreOperationName } from "./scenario.ts";
import type { WorldClock } from "./world-clock.ts";

/** What the stores of one scenario share. */
export interface StoreTroubles {
  readonly faults: readonly StoreFault[];
  readonly operations: PlayedOperation[];
  /** Those that are being played. */
  readonly unanswered: Set<PlayedOperation>;
  readonly clock: WorldClock;
  nextStep(): number;
}

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
    const { operations, faults } = this.#troubles;
    const nth = operations.filter((earlier) => earlier.operation === operation).length;
    const fault = faults.find((planned) => planned.operation === operation && planned.nth === nth);
    const played: PlayedOperation = { process: this.#process, operation, key, fault, facts };
    operations.push(played);
    return played;
  }

  async #meet<R>(played: PlayedOperation, work: () => Promise<R>): Promise<R> {
    const { unanswered } = this.#troubles;
    unanswered.add(played);
    return this.#play(played, work).finally(() => unanswered.delete(played));
  }

  async #play<R>(played: PlayedOperation, work: () => Promise<R>): Promise<R> {
    const { clock } = this.#troubles;
    const { kind, delayMs = 0 } = played.fault ?? {};
    if (kind === "slow") await clock.world.sleep(delayMs);
    if (kind === "refused") throw unavailable(played.operation);
    const result = await work();
    played.doneStep = this.#troubles.nextStep();
    played.doneAtMs = clock.now();
    if (kind === "slow_reply") await clock.world.sleep(delayMs);
    if (kind === "lost") throw unavailable(played.operation);
    return result;
  }
}

function unavailable(operation: StoreOperationName): StoreError {
  return new StoreError({
    store: "faulty",
    operation: operation === "savePlan" ? "save_plan" : operation,
    reason: "unavailable",
    what: "this was planned",
    advice: "Leave it so.",
  });
}
