/**
 * Job: ask the store on behalf of one run, and decide what its failure means for that run.
 * Boundary: knows nothing of what is asked, but that a key is released after everything else.
 * Invariants:
 * 1. After the run has ended, pending store calls are no longer awaited; their outcome is ignored.
 * 2. A run goes on without its store only where it may, and never where another run has its key.
 * 3. A key is released once the store has answered everything else: what was paid for is not cut off.
 */
import { BudgetExceeded, StoreError, type StoreOperation } from "../../contract/errors.ts";
import { messageOf } from "../../core/errors.ts";
import type { CancelScope } from "../../core/signal.ts";
import type { ResolvedReliabilityConfig } from "../../guard/reliability-config.ts";
import type { Run } from "../run-context.ts";

export class StoreProtection {
  readonly #onStoreError: ResolvedReliabilityConfig["onStoreError"];
  readonly #run: Run;
  readonly #scope: CancelScope;
  readonly #unanswered = new Set<Promise<unknown>>();
  #pendingRelease: Promise<void> | undefined;

  /** @param scope of the work that the store protects */
  constructor(onStoreError: ResolvedReliabilityConfig["onStoreError"], run: Run, scope: CancelScope) {
    this.#onStoreError = onStoreError;
    this.#run = run;
    this.#scope = scope;
  }

  /** Settles once the key was released; `undefined` where no release is pending. */
  get pendingRelease(): Promise<void> | undefined {
    return this.#pendingRelease;
  }

  /**
   * Asks the store.
   *
   * @param isWhole true where the run has its output already: a store that outlasts its deadline has then only failed
   * @returns `undefined` where the store failed and the run may go on without it
   * @throws the store's error where it may not; what ended the run where that came first
   */
  async attempt<R>(
    operation: StoreOperation,
    ask: () => Promise<R>,
    { isWhole = false }: { readonly isWhole?: boolean } = {},
  ): Promise<R | undefined> {
    try {
      return await this.#ask(operation, ask);
    } catch (error) {
      if (this.#scope.aborted && !(isWhole && BudgetExceeded.isInstance(error))) throw error;
      this.#onError(error);
      return undefined;
    }
  }

  /** Releases the key. Resolves however that ends, at the latest when the run ends. */
  async release(releaseKey: () => Promise<void>): Promise<void> {
    await this.#scope.race(this.#releaseLast(releaseKey)).catch(() => {});
  }

  /** Releases the key of a run that has an output. @throws as `attempt` does, but for a run that has ended before */
  async releaseWithOutput(releaseKey: () => Promise<void>): Promise<void> {
    if (this.#scope.aborted) return this.release(releaseKey);
    await this.attempt("release", () => this.#releaseLast(releaseKey), { isWhole: true });
  }

  /** Hears that the claim is lost, or may be. */
  onLost(error: unknown): void {
    try {
      this.#onError(error);
    } catch {
      this.#scope.abort(error);
    }
  }

  #ask<R>(operation: StoreOperation, ask: () => Promise<R>): Promise<R> {
    const { waits } = this.#run;
    const wait = { what: `its store (${operation})` };
    const answer = ask();
    this.#unanswered.add(answer);
    waits.add(wait);
    const isAnswered = () => {
      this.#unanswered.delete(answer);
      waits.delete(wait);
    };
    answer.then(isAnswered, isAnswered);
    return this.#scope.race(answer);
  }

  #releaseLast(releaseKey: () => Promise<void>): Promise<void> {
    if (this.#pendingRelease) return this.#pendingRelease;
    const isQuiet = this.#unanswered.size === 0;
    const released = isQuiet ? releaseKey() : Promise.allSettled(this.#unanswered).then(releaseKey);
    const release = released.finally(() => {
      this.#pendingRelease = undefined;
    });
    this.#pendingRelease = release.catch(() => {});
    return release;
  }

  /** @throws the error, where the run may not go on */
  #onError(error: unknown): void {
    if (this.#onStoreError === "fail" || isStaleToken(error)) throw error;
    const message = `The run goes on without the protection of its idempotency key: ${messageOf(error)}`;
    this.#run.events.emit("warning", { code: "run_unprotected", message });
  }
}

/** Returns true where another run holds the claim. */
export function isStaleToken(error: unknown): boolean {
  return StoreError.isInstance(error) && error.reason === "stale_token";
}
