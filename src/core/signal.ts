export type Listener = () => void;

/** A place in a ring of those who listen: to come and to go costs the same however many there are. */
abstract class Link {
  previous: Link = this;
  next: Link = this;

  /** Tells of the abort. */
  abstract fire(): void;

  /** Takes the last place in the ring of `head`. */
  join(head: Link): void {
    this.previous = head.previous;
    this.next = head;
    head.previous.next = this;
    head.previous = this;
  }

  leave(): void {
    this.previous.next = this.next;
    this.next.previous = this.previous;
    this.previous = this;
    this.next = this;
  }
}

/** Start of a ring. */
export class Ring extends Link {
  get isEmpty(): boolean {
    return this.next === this;
  }

  /** Tells every link in the ring, each after it has left. */
  override fire(): void {
    for (let first = this.next; first !== this; first = this.next) {
      first.leave();
      first.fire();
    }
  }
}

class ListenerLink extends Link {
  readonly #listener: Listener;

  constructor(listener: Listener) {
    super();
    this.#listener = listener;
  }

  override fire(): void {
    this.#listener();
  }
}

/**
 * Job: carry one abort from the caller down to everything that runs on its behalf.
 * Boundary: knows no timers and no errors; a reason is passed on as it came.
 * Invariants:
 * 1. A caller's signal gets one listener from us, however many runs share it, and none once they are over.
 * 2. An `AbortController` is made only when someone reads `signal`.
 * 3. A listener added after the abort is called at once; each is called at most once.
 */

/** A scope in the ring of its parent. */
class ScopeLink extends Link {
  readonly #scope: CancelScope;
  readonly #parent: CancelScope | AbortSignal;

  constructor(scope: CancelScope, parent: CancelScope | AbortSignal) {
    super();
    this.#scope = scope;
    this.#parent = parent;
  }

  override fire(): void {
    this.#scope.abort(this.#parent.reason);
  }

  override leave(): void {
    super.leave();
    if (!(this.#parent instanceof CancelScope)) closeIfEmpty(this.#parent);
  }
}

/** Listeners of this package on one signal, behind one real listener on it. */
interface Hub {
  readonly ring: Ring;
  readonly dispatch: Listener;
}

const hubs = new WeakMap<AbortSignal, Hub>();

/**
 * Calls `listener` when `signal` aborts (at once where it already has), for the price of a place in a ring.
 *
 * @returns a function that stops listening
 */
export function onAbort(signal: AbortSignal, listener: Listener): () => void {
  if (signal.aborted) {
    listener();
    return () => {};
  }
  const link = new ListenerLink(listener);
  link.join(ringOf(signal));
  return () => {
    link.leave();
    closeIfEmpty(signal);
  };
}

function ringOf(signal: AbortSignal): Ring {
  const known = hubs.get(signal);
  if (known) return known.ring;
  const ring = new Ring();
  const dispatch = () => {
    hubs.delete(signal);
    ring.fire();
  };
  hubs.set(signal, { ring, dispatch });
  signal.addEventListener("abort", dispatch, { once: true });
  return ring;
}

function closeIfEmpty(signal: AbortSignal): void {
  const hub = hubs.get(signal);
  if (!hub?.ring.isEmpty) return;
  signal.removeEventListener("abort", hub.dispatch);
  hubs.delete(signal);
}

/**
 * Something that can be stopped: aborted itself, or by its parent. What runs inside listens to it, or reads `signal` to
 * hand a real `AbortSignal` to someone else's code.
 */
export class CancelScope {
  #aborted = false;
  #reason: unknown;
  #controller: AbortController | undefined;
  #listeners: Ring | undefined;
  #place: ScopeLink | undefined;

  constructor(parent?: AbortSignal | CancelScope | undefined) {
    if (!parent) return;
    if (parent.aborted) this.abort(parent.reason);
    else this.#follow(parent);
  }

  #follow(parent: AbortSignal | CancelScope): void {
    this.#place = new ScopeLink(this, parent);
    this.#place.join(parent instanceof CancelScope ? parent.#ring : ringOf(parent));
  }

  get #ring(): Ring {
    this.#listeners ??= new Ring();
    return this.#listeners;
  }

  get aborted(): boolean {
    return this.#aborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  /** Stops everything in this scope. The first reason stays. */
  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = true;
    this.#reason = reason;
    this.dispose();
    this.#controller?.abort(reason);
    this.#listeners?.fire();
  }

  /** Calls `listener` on abort, at once where that has happened. Returns a function that stops listening. */
  onAbort(listener: Listener): () => void {
    if (this.#aborted) {
      listener();
      return () => {};
    }
    const link = new ListenerLink(listener);
    link.join(this.#ring);
    return () => link.leave();
  }

  /** Settles with `work`, or rejects with the reason as soon as the scope is aborted. */
  race<T>(work: PromiseLike<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const leave = this.onAbort(() => reject(this.#reason));
      work.then(
        (value) => {
          leave();
          resolve(value);
        },
        (error) => {
          leave();
          reject(error);
        },
      );
    });
  }

  /** Stops following the parent. Call it when the work of the scope is over. */
  dispose(): void {
    this.#place?.leave();
    this.#place = undefined;
  }
}
