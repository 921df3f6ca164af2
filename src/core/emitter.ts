/**
 * Job: hand one producer's events to listeners and to `for await` readers, in order.
 * Boundary: knows nothing of what an event says; the producer tells which ones may be dropped.
 * Invariants:
 * 1. A listener that throws, or whose promise rejects, disturbs neither the producer nor another listener.
 * 2. A reader that falls behind holds at most `capacity` droppable events; the others are never dropped.
 * 3. A reader gets each event once, in order, and ends after the last one.
 */

export type EventListener<E> = (event: E) => unknown;

export interface EmitterOptions<E> {
  /** Hears what a listener threw. Nobody hears it where this is left out. */
  readonly onListenerError?: ((error: unknown) => void) | undefined;
  /** Which events a slow reader can do without. None where this is left out. */
  readonly isDroppable?: ((event: E) => boolean) | undefined;
}

/** How many droppable events wait for one reader before further ones are dropped. */
export const readerCapacity = 16_384;

export class Emitter<E> {
  readonly #options: EmitterOptions<E>;
  readonly #listeners = new Set<{ readonly call: EventListener<E> }>();
  readonly #readers = new Set<Reader<E>>();
  #ended = false;

  constructor(options: EmitterOptions<E> = {}) {
    this.#options = options;
  }

  emit(event: E): void {
    if (this.#ended) return;
    for (const reader of this.#readers) reader.push(event, this.#options.isDroppable?.(event) ?? false);
    for (const listener of this.#listeners) this.#tell(listener.call, event);
  }

  /** Adds a listener; returns a function that takes it away. */
  on(call: EventListener<E>): () => void {
    const listener = { call };
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** A reader of everything emitted from now on. `onLeave` hears of one that is left before the end. */
  read(onLeave?: () => void): AsyncIterableIterator<E> {
    const reader = new Reader<E>(() => {
      this.#readers.delete(reader);
      onLeave?.();
    });
    if (this.#ended) reader.end();
    else this.#readers.add(reader);
    return reader;
  }

  /** No event comes after this. Given an error, readers reject with it once they have read what there is. */
  end(error?: unknown): void {
    this.#ended = true;
    for (const reader of this.#readers) reader.end(error);
    this.#readers.clear();
    this.#listeners.clear();
  }

  #tell(call: EventListener<E>, event: E): void {
    try {
      const answer = call(event);
      if (answer instanceof Promise) answer.catch((error) => this.#options.onListenerError?.(error));
    } catch (error) {
      this.#options.onListenerError?.(error);
    }
  }
}

class Reader<E> implements AsyncIterableIterator<E> {
  readonly #onLeave: () => void;
  #waiting: ((result: IteratorResult<E, undefined> | Promise<IteratorResult<E, undefined>>) => void) | undefined;
  #error: unknown;
  #queue: E[] = [];
  #head = 0;
  #ended = false;

  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  push(event: E, isDroppable: boolean): void {
    if (this.#waiting) {
      const resolve = this.#waiting;
      this.#waiting = undefined;
      resolve({ value: event, done: false });
    } else if (!isDroppable || this.#queue.length - this.#head < readerCapacity) {
      this.#queue.push(event);
    }
  }

  end(error?: unknown): void {
    this.#ended = true;
    this.#error = error;
    if (this.#waiting) this.#waiting(this.#afterLast());
    this.#waiting = undefined;
  }

  next(): Promise<IteratorResult<E, undefined>> {
    if (this.#head < this.#queue.length) return Promise.resolve({ value: this.#take(), done: false });
    if (this.#ended) return this.#afterLast();
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  return(): Promise<IteratorResult<E, undefined>> {
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

  #afterLast(): Promise<IteratorResult<E, undefined>> {
    const error = this.#error;
    this.#error = undefined;
    return error === undefined ? Promise.resolve({ value: undefined, done: true }) : Promise.reject(error);
  }

  #take(): E {
    const event = this.#queue[this.#head++] as E;
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    }
    return event;
  }
}
