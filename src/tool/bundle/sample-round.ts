import type { ReplicateResult } from "../../contract/bundle.ts";
import { addSpent, nothingSpent, type Spent } from "../../contract/usage.ts";
import { nextTurn } from "../../core/turns.ts";

/**
 * Job: bring replicates that need an answer at the same time into one request for several answers.
 * Boundary: knows neither the request nor what an answer is.
 * Invariants:
 * 1. A request asks for no more answers than replicates wait for: one that is there already, or asked for, is not paid for again.
 * 2. Each answer goes to one replicate, and no replicate waits once the request has ended.
 */
export class SampleRounds {
  readonly #most: () => number;
  #forming: SampleRound | undefined;

  /** @param most answers that one request may ask for; it may be learned on the way */
  constructor(most: () => number) {
    this.#most = most;
  }

  /** True where one request may ask for several answers. */
  get isOpen(): boolean {
    return this.#most() > 1;
  }

  /** Takes part in the next request: the replicate of the lowest index makes it. */
  async join(index: number): Promise<SampleRound> {
    if (!this.#forming || this.#forming.members.length >= this.#most()) this.#forming = new SampleRound();
    const round = this.#forming;
    round.members.push(index);
    round.formed ??= nextTurn().then(() => this.#form(round));
    await round.formed;
    return round;
  }

  /** Settles who makes the request of a round. */
  #form(round: SampleRound): void {
    if (this.#forming === round) this.#forming = undefined;
    round.members.sort((a, b) => a - b);
    round.size = round.members.length;
  }
}

/** An answer that came with the request of another replicate, and its part of what the request has used. */
export interface GivenSample extends Spent {
  readonly savedUsd: number | undefined;
  /** Reads the answer. @throws what is wrong with it */
  read(): Promise<ReplicateResult>;
}

/** One request for several answers. */
export class SampleRound {
  /** Indices of the replicates, the first of which makes the request. */
  readonly members: number[] = [];
  /** Settles once no further replicate takes part. */
  formed: Promise<void> | undefined;
  /** Number of answers that are asked for: a budget may leave room for fewer than there are members. */
  size = 1;
  /** The server gives fewer answers to one request than were asked for: the others go into further requests. */
  isShort = false;
  /** The answers have come: a further attempt is for the first replicate alone. */
  isAnswered = false;
  readonly #samples = new Map<number, GivenSample>();
  readonly #ended = Promise.withResolvers<void>();

  isLed(index: number): boolean {
    return this.members[0] === index;
  }

  /** Gives the answers behind the first one to the other replicates. Those that are left over are of no use. */
  deliver(samples: readonly GivenSample[]): void {
    this.isAnswered = true;
    for (const [at, sample] of samples.entries()) {
      const index = this.members[at + 1];
      if (index !== undefined) this.#samples.set(index, sample);
    }
    this.end();
  }

  /** Lets the others go on. */
  end(): void {
    this.#ended.resolve();
  }

  /** Waits for the request. @returns `undefined` where it has no answer for the replicate */
  async sampleFor(index: number): Promise<GivenSample | undefined> {
    await this.#ended.promise;
    return this.#samples.get(index);
  }

  /** Part of the request's usage that other replicates carry. */
  get given(): Spent {
    return [...this.#samples.values()].reduce<Spent>(addSpent, nothingSpent);
  }
}
