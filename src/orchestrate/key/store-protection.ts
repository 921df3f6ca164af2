/**
 * Job: ask the store on behalf of one run, and say what its failure means for that run.
 * Boundary: knows nothing of what it is asked, but that a key is given back after everything else.
 * Invariants:
 * 1. Nobody waits for the store once the run was ended: what it was asked goes on, and disturbs nobody however it ends.
 * 2. A run goes on without its store only where it may, and never where somebody else has its key.
 * 3. A key is given back once the store has answered whatever else it was asked: what was paid for is not cut off.
 */
import { BudgetExceeded, StoreError, type StoreOperation } from "../../contract/errors.ts";
import { messageOf } from "../../core/errors.ts";
import type { ResolvedReliabilityConfig } from "../../guard/reliability-config.ts";
import type { RunContext } from "../run-context.ts";

export class StoreProtection {
  readonly #onStoreError: ResolvedReliabilityConfig["onStoreError"];
  readonly #context: RunContext;
  readonly #unanswered = new Map<Promise<unknown>, StoreOperation>();
  #landing: Promise<void> | undefined;

  constructor(onStoreError: ResolvedReliabilityConfig["onStoreError"], context: RunContext) {
    this.#onStoreError = onStoreError;
    this.#context = context;
    context.askedOfStore = this.#unanswered;
  }

  /** Settles once the key was given back; `undefined` where nothing is on its way to that. */
  get landing(): Promise<void> | undefined {
    return this.#landing;
  }

  /**
   * What the store answers.
   *
   * @param isWhole whether the run has its output already, so that a store which outlasts its deadline has only failed
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
      if (this.#context.scope.aborted && !(isWhole && BudgetExceeded.isInstance(error))) throw error;
      this.#onError(error);
      return undefined;
    }
  }

  /** Gives the key back. Resolves however that ends, at the latest when the run was ended. */
  async letGo(release: () => Promise<void>): Promise<void> {
    await this.#untilEnded(this.#land(release)).catch(() => {});
  }

  /** Gives the key back for a run that has an output. @throws as `attempt` does, but for a run that was ended before */
  async giveBack(release: () => Promise<void>): Promise<void> {
    if (this.#context.scope.aborted) return this.letGo(release);
    await this.attempt("release", () => this.#land(release), { isWhole: true });
  }

  /** The claim is lost, or may be. */
  onLost(error: unknown): void {
    try {
      this.#onError(error);
    } catch {
      this.#context.scope.abort(error);
    }
  }

  #ask<R>(operation: StoreOperation, ask: () => Promise<R>): Promise<R> {
    const answer = ask();
    this.#unanswered.set(answer, operation);
    const isAnswered = () => void this.#unanswered.delete(answer);
    answer.then(isAnswered, isAnswered);
    return this.#untilEnded(answer);
  }

  #untilEnded<R>(answer: Promise<R>): Promise<R> {
    return this.#context.scope.race(answer);
  }

  #land(release: () => Promise<void>): Promise<void> {
    if (this.#landing) return this.#landing;
    const isQuiet = this.#unanswered.size === 0;
    const released = isQuiet ? release() : Promise.allSettled(this.#unanswered.keys()).then(release);
    const landing = released.finally(() => {
      this.#landing = undefined;
    });
    this.#landing = landing.catch(() => {});
    return landing;
  }

  /** @throws the error, where the run may not go on */
  #onError(error: unknown): void {
    if (this.#onStoreError === "fail" || isStaleToken(error)) throw error;
    const message = `The run goes on without the protection of its idempotency key: ${messageOf(error)}`;
    this.#context.events.emit("warning", { code: "run_unprotected", message });
  }
}

/** Whether someone else holds the claim by now. */
export function isStaleToken(error: unknown): boolean {
  return StoreError.isInstance(error) && error.reason === "stale_token";
}
