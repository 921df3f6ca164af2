import { ignorePromise, isThenable } from "./thenable.ts";

/**
 * Job: hand one producer's events to listeners and to `for await` readers, in order.
 * Boundary: knows nothing of what an event says; the producer tells which ones may be dropped.
 * Invariants:
 * 1. A listener that throws, or whose promise rejects, disturbs neither the producer nor another listener.
 * 2. Listeners hear events in the order of the emits, also of those that a listener emits.
 * 3. A reader that falls behind slows no other and grows only by what may not be dropped.
 */

export type EventListener<E> = (event: E) => unknown;

/** Hears what a listener threw. */
export type OnListenerError = (error: unknown, listener: object) => unknown;

export interface EmitterOptions<E> {
  /** Default: the listener that `emit` was given for errors. */
  readonly onListenerError?: OnListenerError | undefined;
  /** Tells which events a slow reader can do without. Default: none. */
  readonly isDroppable?: ((event: E) => boolean) | undefined;
}

export class Emitter<E> {
  readonly #options: EmitterOptions<E>;
  #listeners: Set<{ readonly call: EventListener<E> }> | undefined;
  #readers: Set<EventReader<E>> | undefined;
  /** Events that listeners are being told, or have yet to be. */
  #untold: { readonly event: E; readonly onListenerError: OnListenerError | undefined }[] = [];
  #ended = false;

  constructor(options: EmitterOptions<E> = {}) {
    this.#options = options;
  }

  /** True where an event would reach a listener or a reader: a producer need not make others. */
  get isHeard(): boolean {
    return this.#listeners !== undefined || this.#readers !== undefined;
  }

  /** @param onListenerError where the emitter has none of its own; without both, errors are ignored */
  emit(event: E, onListenerError?: OnListenerError | undefined): void {
    if (this.#ended) return;
    if (this.#readers) {
      for (const reader of this.#readers) reader.push(event, this.#options.isDroppable?.(event) ?? false);
    }
    if (
      this.#listeners &&
      this.#untold.push({ event, onListenerError: this.#options.onListenerError ?? onListenerError }) === 1
    )
      this.#tellListeners(this.#listeners);
  }

  /** Adds a listener; returns a function that takes it away. */
  on(call: EventListener<E>): () => void {
    const listener = { call };
    this.#listeners ??= new Set();
    this.#listeners.add(listener);
    return () => void this.#listeners?.delete(listener);
  }

  /** Returns a reader of everything emitted from now on. `onLeave` hears of one that is left before the end. */
  read(onLeave?: () => void): AsyncIterableIterator<E, undefined> {
    const reader = new EventReader<E>(() => {
      this.#readers?.delete(reader);
      onLeave?.();
    });
    this.#readers ??= new Set();
    if (this.#ended) reader.end();
    else this.#readers.add(reader);
    return reader;
  }

  /** Ends the events. Readers reject with the error, if there is one, once they have read all events before it. */
  end(error?: unknown): void {
    this.#ended = true;
    for (const reader of this.#readers ?? []) reader.end(error);
    this.#readers = undefined;
    if (this.#untold.length === 0) this.#listeners = undefined;
  }

  /** Goes on with what listeners emit meanwhile, so that no listener hears the second event before the first. */
  #tellListeners(listeners: ReadonlySet<{ readonly call: EventListener<E> }>): void {
    for (const { event, onListenerError } of this.#untold)
      for (const { call } of listeners) tellListener(call, event, onListenerError);
    this.#untold.length = 0;
    if (this.#ended) this.#listeners = undefined;
  }
}

/** Tells one listener, undisturbed by what it throws or rejects with. */
export function tellListener<E>(call: EventListener<E>, event: E, onListenerError?: OnListenerError | undefined): void {
  try {
    const answer = call(event);
    if (isThenable(answer)) answer.then(undefined, (error) => report(error, call, onListenerError));
  } catch (error) {
    report(error, call, onListenerError);
  }
}

/** A listener for errors is a listener, too. */
function report(error: unknown, listener: object, onListenerError: OnListenerError | undefined): void {
  try {
    ignorePromise(onListenerError?.(error, listener));
  } catch {}
}

/**
 * Job: keep events for one `for await` until it asks for them.
 * Boundary: is made and pushed to by an emitter alone.
 * Invariants:
 * 1. Each event is handed out once, in the order of the pushes, to the reads in their order.
 * 2. A droppable event is dropped where `readerCapacity` events wait already; any other is kept.
 * 3. An event that was handed out is not held on to.
 */

/** Events that may wait for one reader before droppable ones are dropped. */
export const readerCapacity = 16_384;

/** Handed-out places at the head of the queue before they are worth cutting off. */
const worthCutting = 1_024;

type Result<E> = IteratorResult<E, undefined>;

export class EventReader<E> implements AsyncIterableIterator<E, undefined> {
  readonly #onLeave: () => void;
  readonly #waiting: ((result: Result<E> | Promise<Result<E>>) => void)[] = [];
  #error: unknown;
  #queue: (E | undefined)[] = [];
  #head = 0;
  #ended = false;

  /** @param onLeave hears of a reader that is left before the end */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  push(event: E, isDroppable: boolean): void {
    const resolve = this.#waiting.shift();
    if (resolve) resolve({ value: event, done: false });
    else if (!isDroppable || this.#queue.length - this.#head < readerCapacity) this.#queue.push(event);
  }

  /** No push comes after this. Given an error, the read after the last event rejects with it, once. */
  end(error?: unknown): void {
    this.#ended = true;
    this.#error = error;
    for (const resolve of this.#waiting.splice(0)) resolve(this.#afterLast());
  }

  next(): Promise<Result<E>> {
    if (this.#head < this.#queue.length) return Promise.resolve({ value: this.#take(), done: false });
    if (this.#ended) return this.#afterLast();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  return(): Promise<Result<E>> {
    const wasRunning = !this.#ended;
    this.end();
    this.#queue = [];
    this.#head = 0;
    if (wasRunning) this.#onLeave();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #afterLast(): Promise<Result<E>> {
    const error = this.#error;
    this.#error = undefined;
    return error === undefined ? Promise.resolve({ value: undefined, done: true }) : Promise.reject(error);
  }

  #take(): E {
    const event = this.#queue[this.#head] as E;
    this.#queue[this.#head++] = undefined;
    if (this.#head === this.#queue.length) this.#cutHandedOut();
    else if (this.#head >= worthCutting && this.#head * 2 >= this.#queue.length) this.#cutHandedOut();
    return event;
  }

  #cutHandedOut(): void {
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }
}
