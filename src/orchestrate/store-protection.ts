import { StoreError } from "../contract/store-error.ts";
import { messageOf } from "../core/errors.ts";
import type { ResolvedReliabilityConfig } from "../guard/reliability-config.ts";
import type { RunContext } from "./run-context.ts";

/** What a store's failure means for a run: its end, or a warning and no protection from there on. */
export class StoreProtection {
  readonly #onStoreError: ResolvedReliabilityConfig["onStoreError"];
  readonly #context: RunContext;

  constructor(onStoreError: ResolvedReliabilityConfig["onStoreError"], context: RunContext) {
    this.#onStoreError = onStoreError;
    this.#context = context;
  }

  async attempt<R>(operation: () => Promise<R>): Promise<R | undefined> {
    try {
      return await operation();
    } catch (error) {
      this.onError(error);
      return undefined;
    }
  }

  /** @throws the error, where the run may not go on */
  onError(error: unknown): void {
    if (this.#onStoreError === "fail") throw error;
    const message = `The run goes on without the protection of its idempotency key: ${messageOf(error)}`;
    this.#context.events.emit("warning", { code: "run_unprotected", message });
  }

  /** @throws the error, where the run may not go on; it never may where somebody else has its key */
  onErrorAtWork(error: unknown): void {
    if (isStaleToken(error)) throw error;
    this.onError(error);
  }

  /** The claim is lost, or may be. */
  onLost(error: unknown): void {
    try {
      this.onErrorAtWork(error);
    } catch {
      this.#context.scope.abort(error);
    }
  }
}

/** Whether someone else holds the claim by now. */
export function isStaleToken(error: unknown): boolean {
  return StoreError.isInstance(error) && error.reason === "stale_token";
}
