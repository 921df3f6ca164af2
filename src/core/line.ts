/** A place in a line. */
interface Place<T> {
  readonly item: T;
  previous: Place<T> | undefined;
  next: Place<T> | undefined;
}

/**
 * A line of those who wait, oldest first: to join, to leave from anywhere and to see the first cost the same however many wait.
 * A `Set` looks past all that have left to find its first.
 */
export class Line<T> {
  #first: Place<T> | undefined;
  #last: Place<T> | undefined;

  /** The one that waits longest; `undefined` where none waits. */
  get first(): T | undefined {
    return this.#first?.item;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  /**
   * Takes the last place.
   *
   * @returns a function that leaves it; only the first call of it counts
   */
  join(item: T): () => void {
    const place: Place<T> = { item, previous: this.#last, next: undefined };
    if (this.#last) this.#last.next = place;
    else this.#first = place;
    this.#last = place;
    let isOver = false;
    return () => {
      if (!isOver) this.#leave(place);
      isOver = true;
    };
  }

  #leave({ previous, next }: Place<T>): void {
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
  }
}
