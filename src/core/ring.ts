export type Listener = () => void;

/** A place in a ring of those who listen: to come and to go costs the same however many there are. */
export abstract class Link {
  previous: Link = this;
  next: Link = this;

  /** Says that the abort has come. */
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

/** Where a ring begins. */
export class Ring extends Link {
  get isEmpty(): boolean {
    return this.next === this;
  }

  /** Tells everyone in the ring, each after it has left. */
  override fire(): void {
    for (let first = this.next; first !== this; first = this.next) {
      first.leave();
      first.fire();
    }
  }
}

export class ListenerLink extends Link {
  readonly #listener: Listener;

  constructor(listener: Listener) {
    super();
    this.#listener = listener;
  }

  override fire(): void {
    this.#listener();
  }
}
