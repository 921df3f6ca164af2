/** Receiver of the inputs of a loop. */
export interface InputReceiver<I> {
  /** Gets an input, and its number from 0. */
  accept(input: I, index: number): void;
  /** Hears of the error that the iteration ends with. */
  fail(error: unknown): void;
  /** Hears that the next input may be taken, or that there is none. */
  onTaken(): void;
}

/**
 * Job: take the inputs of a loop one by one.
 * Boundary: decides neither when to take one nor what becomes of it.
 * Invariants:
 * 1. One input is taken at a time.
 * 2. A source that has failed is exhausted.
 */
export class InputSource<I> {
  readonly #inputs: Iterable<I> | AsyncIterable<I>;
  readonly #iterator: AsyncIterator<I>;
  readonly #receiver: InputReceiver<I>;
  #isTaking = false;
  #isExhausted = false;
  #takenCount = 0;

  constructor(inputs: Iterable<I> | AsyncIterable<I>, receiver: InputReceiver<I>) {
    this.#inputs = inputs;
    this.#receiver = receiver;
    this.#iterator = asyncIteratorOf(inputs);
  }

  get isTaking(): boolean {
    return this.#isTaking;
  }

  get isExhausted(): boolean {
    return this.#isExhausted;
  }

  /** Number of inputs that are known to be left. A source that does not know its length counts none. */
  get knownLeftCount(): number {
    const inputs: unknown = this.#inputs;
    if (Array.isArray(inputs)) return Math.max(0, inputs.length - this.#takenCount);
    return inputs instanceof Set ? Math.max(0, inputs.size - this.#takenCount) : 0;
  }

  /** Takes the next input, and hands it to the receiver. Never rejects. */
  async take(): Promise<void> {
    this.#isTaking = true;
    try {
      const next = await this.#iterator.next();
      if (next.done) this.#isExhausted = true;
      else this.#receiver.accept(next.value, this.#takenCount++);
    } catch (error) {
      this.#isExhausted = true;
      this.#receiver.fail(error);
    }
    this.#isTaking = false;
    this.#receiver.onTaken();
  }

  /** Ends the iteration. */
  async close(): Promise<void> {
    const returned = this.#isExhausted ? undefined : this.#iterator.return?.();
    // A source that is being waited for answers nothing else, perhaps never again.
    if (this.#isTaking) returned?.catch(() => {});
    else await returned;
  }
}

/** Returns an iterator whose methods reject, and never throw. */
function asyncIteratorOf<I>(inputs: Iterable<I> | AsyncIterable<I>): AsyncIterator<I> {
  const iterator = Symbol.asyncIterator in inputs ? inputs[Symbol.asyncIterator]() : inputs[Symbol.iterator]();
  return {
    next: async () => iterator.next(),
    return: async () => iterator.return?.() ?? { value: undefined, done: true },
  };
}
