import { messageOf, OrchestratorError } from "../core/errors.ts";
import type { PartialRun } from "./errors.ts";

/** What a store can be asked to do. */
export type StoreOperation =
  | "open"
  | "claim"
  | "renew"
  | "save_plan"
  | "append"
  | "settle"
  | "release"
  | "list"
  | "show"
  | "purge"
  | "sweep"
  | "verify";

/**
 * What kept a store from doing its work. `stale_token`: someone else holds the key by now. `newer_schema`: written by a
 * later version of this package. `failed`: none of the others; see `cause`.
 */
export type StoreFailure =
  | "stale_token"
  | "closed"
  | "locked"
  | "full"
  | "read_only"
  | "corrupt"
  | "unavailable"
  | "newer_schema"
  | "missing_driver"
  | "failed";

/** What a `StoreError` is made of. */
export interface StoreErrorFacts {
  readonly store: string;
  readonly operation: StoreOperation;
  readonly reason: StoreFailure;
  /** What happened, as a sentence without its full stop. Default: the message of `cause`. */
  readonly what?: string | undefined;
  /** What to do next, as a sentence. */
  readonly advice: string;
  readonly cause?: unknown;
  readonly partial?: PartialRun | undefined;
}

/**
 * A run store could not do what it was asked. Whatever it had confirmed before is still there.
 *
 * @example
 * ```ts
 * if (StoreError.isInstance(error) && error.reason === "locked") console.error(error.advice);
 * ```
 */
export class StoreError extends OrchestratorError {
  static readonly code = "STORE";
  readonly code = StoreError.code;
  /** `"memory"`, `"sqlite"`, `"postgres"`, or the name of a store of your own. */
  readonly store: string;
  /** What the store was asked to do. */
  readonly operation: StoreOperation;
  /** What kept it from that. */
  readonly reason: StoreFailure;
  /** What happened, as a sentence without its full stop. */
  readonly what: string;
  /** What to do next, as a sentence. */
  readonly advice: string;
  /** What the run that it ended had paid for by then, and what there is of its content. */
  declare readonly partial?: PartialRun;

  constructor(facts: StoreErrorFacts) {
    const what = messageOf(facts.what ?? facts.cause);
    super(`The ${facts.store} store failed (${facts.operation}, ${facts.reason}): ${what}. ${facts.advice}`, {
      cause: facts.cause,
    });
    this.store = facts.store;
    this.operation = facts.operation;
    this.reason = facts.reason;
    this.what = what;
    this.advice = facts.advice;
    if (facts.partial) this.partial = facts.partial;
  }
}
