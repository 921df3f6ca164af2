/**
 * Job: keep events for one `for await` until it asks for them.
 * Boundary: is pushed to by an emitter; nobody else makes one.
 * Invariants:
 * 1. Each event is handed out once, in the order of the pushes, to the reads in their order.
 * 2. A droppable event is dropped where `readerCapacity` events wait already; any other is kept.
 * 3. An event that was handed out is not held on to.
 */

/** How many events may wait for one reader before droppable ones are dropped. */
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
