/**
 * Job: carry one abort from whoever asks for it down to everything that runs on its behalf.
 * Boundary: knows no timers and no errors; a reason is passed on as it came.
 * Invariants:
 * 1. A caller's signal gets one listener from us, however many runs share it, and none once they are over.
 * 2. An `AbortController` is made only when someone reads `signal`.
 * 3. A listener added after the abort is called at once; each is called at most once.
 */

type Listener = () => void;

/** The listeners of ours that wait for one signal, behind one real listener on it. */
const hubs = new WeakMap<AbortSignal, Set<Listener>>();
const dispatchers = new WeakMap<AbortSignal, Listener>();

/**
 * Calls `listener` when `signal` aborts (at once where it already has), for the price of a set entry.
 *
 * @returns a function that stops listening
 */
export function onAbort(signal: AbortSignal, listener: Listener): () => void {
  if (signal.aborted) {
    listener();
    return () => {};
  }
  const listeners = hubs.get(signal) ?? openHub(signal);
  const entry = () => listener();
  listeners.add(entry);
  return () => {
    if (listeners.delete(entry) && listeners.size === 0) closeHub(signal);
  };
}

function openHub(signal: AbortSignal): Set<Listener> {
  const listeners = new Set<Listener>();
  const dispatch = () => {
    closeHub(signal);
    for (const listener of listeners) listener();
    listeners.clear();
  };
  hubs.set(signal, listeners);
  dispatchers.set(signal, dispatch);
  signal.addEventListener("abort", dispatch, { once: true });
  return listeners;
}

function closeHub(signal: AbortSignal): void {
  const dispatch = dispatchers.get(signal);
  if (dispatch) signal.removeEventListener("abort", dispatch);
  hubs.delete(signal);
  dispatchers.delete(signal);
}

/**
 * Something that can be stopped: aborted itself, or by its parent. What runs inside listens to it, or reads `signal` to
 * hand a real `AbortSignal` to someone else's code.
 */
export class CancelScope {
  #aborted = false;
  #reason: unknown;
  #controller: AbortController | undefined;
  #listeners: Set<Listener> | undefined;
  #leaveParent: (() => void) | undefined;

  constructor(parent?: AbortSignal | CancelScope | undefined) {
    if (!parent) return;
    const follow = () => this.abort(parent.reason);
    this.#leaveParent = parent instanceof CancelScope ? parent.onAbort(follow) : onAbort(parent, follow);
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
    const listeners = this.#listeners;
    this.#listeners = undefined;
    if (listeners) for (const listener of listeners) listener();
  }

  /** Calls `listener` on abort, at once where that has happened. Returns a function that stops listening. */
  onAbort(listener: Listener): () => void {
    if (this.#aborted) {
      listener();
      return () => {};
    }
    this.#listeners ??= new Set();
    const listeners = this.#listeners;
    const entry = () => listener();
    listeners.add(entry);
    return () => void listeners.delete(entry);
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
    this.#leaveParent?.();
    this.#leaveParent = undefined;
  }
}
