/**
 * Job: end what an attempt has started when the attempt ends, runs inside it included, and count what those used.
 * Boundary: decides nothing about the attempt itself.
 * Invariants:
 * 1. After the end, the scope is aborted, and what the attempt's code starts later executes nothing.
 * 2. Runs and calls that the end has cut off are awaited and counted; each settles by itself once it is aborted.
 * 3. No rejection of theirs ends the process, also where the code has forgotten to await them.
 * 4. Code that goes on after the end keeps nothing of the attempt in memory.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { CancelScope } from "../core/signal.ts";
import { CancelledError } from "./errors.ts";
import type { Spent, Usage } from "./usage.ts";

/** The place of running code; `work` is empty once that has ended. */
interface Place {
  work: EnclosingWork | undefined;
}

const places = new AsyncLocalStorage<Place | undefined>();

let ended: CancelledError | undefined;

/** Returns the reason of the abort of an attempt that has ended by itself: one and the same, as each attempt needs it. */
export function attemptHasEnded(): CancelledError {
  ended ??= new CancelledError("its attempt has ended");
  return ended;
}

/** Returns the attempt that the running code is part of; `"over"` once that has ended; `undefined` outside of all runs. */
export function enclosingWork(): EnclosingWork | "over" | undefined {
  const place = places.getStore();
  return place && (place.work ?? "over");
}

/** Lets the attempt that the running code is part of wait, at its end, for a computation that is under way. */
export function untilComputed<T>(computation: T | Promise<T>): T | Promise<T> {
  const work = enclosingWork();
  if (computation instanceof Promise && work instanceof EnclosingWork) work.follow(computation);
  return computation;
}

/** Runs code that is part of no attempt although one has called it: a listener, or an execution that others share. */
export function outsideOfWork<R>(code: () => R): R {
  return places.getStore() === undefined ? code() : places.run(undefined, code);
}

/** Returns the code, to be run as part of what is running now, whatever calls it: an attempt may let others begin that are no part of it. */
export function bindToWork(code: () => void): () => void {
  return AsyncLocalStorage.bind(code);
}

/** An attempt of a call, or a tool that guards its calls itself. */
export class EnclosingWork {
  readonly scope: CancelScope;
  readonly #count: (spent: Spent) => void;
  readonly #around = enclosingWork();
  readonly #place: Place = { work: this };
  #followed: Set<Promise<unknown>> | undefined;
  #quieted: Set<Promise<unknown>> | undefined;
  #counted: Set<Usage> | undefined;

  /** @param count adds to what the work has used */
  constructor(scope: CancelScope, count: (spent: Spent) => void) {
    this.scope = scope;
    this.#count = count;
  }

  /** Runs the code of this work. */
  run<R>(code: () => R): R {
    return places.run(this.#place, code);
  }

  /** Takes on a run or a call that ends with this work; it has to settle by itself once the scope is aborted. */
  follow(inner: Promise<unknown>): void {
    this.#followed = following(this.#followed, inner);
    if (this.#around && this.#around !== "over") this.#around.follow(inner);
  }

  /** Settles when all inner runs and calls have; `undefined` where there are none. */
  get innerSettled(): Promise<unknown> | undefined {
    return this.#followed?.size ? Promise.allSettled(this.#followed) : undefined;
  }

  /** Takes on a promise that code may have forgotten, and that is not waited for. */
  quiet(inner: Promise<unknown>): void {
    this.#quieted = following(this.#quieted, inner);
  }

  /** Counts what an inner run has used that was cut off by the end of this work. */
  count(spent: Spent): void {
    this.#count(spent);
    this.#counted ??= new Set();
    this.#counted.add(spent.usage);
  }

  /** Returns true of a usage that was counted: code may report what the error of an inner run says. */
  hasCounted(usage: Usage | undefined): boolean {
    return usage !== undefined && (this.#counted?.has(usage) ?? false);
  }

  /**
   * Aborts the scope, if it is not aborted yet.
   *
   * @returns a promise until all inner runs and calls have settled; `undefined` where there are none
   */
  end(): Promise<unknown> | undefined {
    this.#place.work = undefined;
    for (const inner of this.#quieted ?? []) inner.catch(() => {});
    const settled = this.innerSettled;
    this.scope.abort(attemptHasEnded());
    return settled;
  }
}

function following(known: Set<Promise<unknown>> | undefined, inner: Promise<unknown>): Set<Promise<unknown>> {
  const all = known ?? new Set();
  all.add(inner);
  const leave = () => void all.delete(inner);
  inner.then(leave, leave);
  return all;
}
