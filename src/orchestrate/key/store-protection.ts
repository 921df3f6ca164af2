/**
 * Job: ask the store on behalf of one run, and decide what its failure means for that run.
 * Boundary: knows nothing of what is asked, but that a key is released after everything else.
 * Invariants:
 * 1. After the run has ended, pending store calls are no longer awaited; their outcome is ignored.
 * 2. A run goes on without its store only where it may, and never where another run has its key.
 * 3. A store that cannot be reached, or is locked, is asked again with growing pauses for `storeRetryMs`. Where the run may
 *    go on without its store, it is asked once.
 * 4. A key is released once the store has answered everything else: what was paid for is not cut off.
 */
import { attemptHasEnded } from "../../contract/enclosing-work.ts";
import { BudgetExceeded, StoreError, type StoreOperation } from "../../contract/errors.ts";
import { messageOf } from "../../core/errors.ts";
import { CancelScope } from "../../core/signal.ts";
import type { ResolvedReliabilityConfig } from "../../guard/reliability-config.ts";
import type { Run } from "../run-context.ts";

export type StoreFailureSettings = Pick<ResolvedReliabilityConfig, "onStoreError" | "storeRetryMs">;

export class StoreProtection {
  readonly #onStoreError: ResolvedReliabilityConfig["onStoreError"];
  readonly #retryMs: number;
  readonly #run: Run;
  readonly #scope: CancelScope;
  /** Ends the pauses before further tries. */
  readonly #trying: CancelScope;
  readonly #unanswered = new Set<Promise<unknown>>();
  #pendingRelease: Promise<void> | undefined;

  /** @param scope of the work that the store protects */
  constructor({ onStoreError, storeRetryMs }: StoreFailureSettings, run: Run, scope: CancelScope) {
    this.#onStoreError = onStoreError;
    this.#retryMs = onStoreError === "fail" ? storeRetryMs : 0;
    this.#run = run;
    this.#scope = scope;
    this.#trying = new CancelScope(scope);
  }

  /** Tries nothing again: a call of an attempt that has ended may outlast the run, which has its output by another. */
  end(): void {
    this.#trying.abort(attemptHasEnded());
    this.#trying.dispose();
  }

  /** Longest time for which a store that cannot be reached is waited for. */
  get retryMs(): number {
    return this.#retryMs;
  }

  /** Settles once the key was released; `undefined` where no release is pending. */
  get pendingRelease(): Promise<void> | undefined {
    return this.#pendingRelease;
  }

  /**
   * Asks the store.
   *
   * @param isWhole true where the run has its output already: a store that outlasts its deadline has then only failed
   * @param isDone finds out whether an earlier try was done although its answer was lost, where the next one is refused
   * @returns `undefined` where the store failed and the run may go on without it
   * @throws the store's error where it may not; what ended the run where that came first
   */
  async attempt<R>(
    operation: StoreOperation,
    ask: () => Promise<R>,
    { isWhole = false, isDone }: { readonly isWhole?: boolean; readonly isDone?: () => Promise<boolean> } = {},
  ): Promise<R | undefined> {
    return this.#guard(operation, () => this.#persist(operation, ask, isDone), isWhole);
  }

  /** Releases the key. Resolves however that ends, at the latest when the run ends. */
  async release(releaseKey: () => Promise<void>): Promise<void> {
    await this.#scope.race(this.#releaseLast(releaseKey)).catch(() => {});
  }

  /** Releases the key of a run that has an output. @throws as `attempt` does, but for a run that has ended before */
  async releaseWithOutput(releaseKey: () => Promise<void>): Promise<void> {
    if (this.#scope.aborted) return this.release(releaseKey);
    const persist = () => this.#persist("release", releaseKey, async () => true);
    await this.#guard("release", () => this.#releaseLast(persist), true);
  }

  /** Hears that the claim is lost, or may be. */
  onLost(error: unknown): void {
    try {
      this.#onError(error);
    } catch {
      this.#scope.abort(error);
    }
  }

  async #guard<R>(operation: StoreOperation, ask: () => Promise<R>, isWhole: boolean): Promise<R | undefined> {
    try {
      return await this.#ask(operation, ask);
    } catch (error) {
      if (this.#scope.aborted && !(isWhole && BudgetExceeded.isInstance(error))) throw error;
      this.#onError(error);
      return undefined;
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

  /** Asks until the store answers, refuses for good, or patience is over. The end of the run ends the pauses. */
  async #persist<R>(
    operation: StoreOperation,
    ask: () => Promise<R>,
    isDone: (() => Promise<boolean>) | undefined,
  ): Promise<R | undefined> {
    const { clock, random } = this.#run.settings;
    const giveUpAtMs = clock.now() + this.#retryMs;
    for (let longestPauseMs = firstPauseMs; ; longestPauseMs = Math.min(2 * longestPauseMs, lastPauseMs)) {
      try {
        return await ask();
      } catch (error) {
        const isFirst = longestPauseMs === firstPauseMs;
        if (!isFirst && isStaleToken(error) && (await isDone?.())) return undefined;
        if (!mayBeReachedLater(error) || clock.now() >= giveUpAtMs) throw error;
        if (isFirst) this.#warnOfWaiting(operation, error);
      }
      await clock.sleep(longestPauseMs * (0.5 + random.next() / 2), { signal: this.#trying.signal });
    }
  }

  #warnOfWaiting(operation: StoreOperation, error: unknown): void {
    const message = `The run waits up to ${this.#retryMs} ms for its store (${operation}): ${messageOf(error)}`;
    this.#run.events.emit("warning", { code: "store_unavailable", message });
  }

  #releaseLast(releaseKey: () => Promise<unknown>): Promise<void> {
    if (this.#pendingRelease) return this.#pendingRelease;
    const isQuiet = this.#unanswered.size === 0;
    const released = isQuiet ? releaseKey() : Promise.allSettled(this.#unanswered).then(releaseKey);
    const release = released
      .then(() => {})
      .finally(() => {
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

const firstPauseMs = 50;
const lastPauseMs = 2_000;

/** Returns true for a store that may answer later: one that restarts, is full of connections, or is locked. */
export function mayBeReachedLater(error: unknown): boolean {
  return StoreError.isInstance(error) && (error.reason === "unavailable" || error.reason === "locked");
}

/** Returns true where another run holds the claim. */
export function isStaleToken(error: unknown): boolean {
  return StoreError.isInstance(error) && error.reason === "stale_token";
}
