/**
 * Job: stand in for a similarity that has to be awaited: note which pairs are asked for, and know them once settled.
 * Boundary: compares nothing itself; a similarity that answers at once is passed through.
 * Invariants:
 * 1. Each pair is asked of the caller's function once.
 * 2. Until `settle` a pair that is not known counts as 0; after `close` it is an error.
 * 3. What it answers is passed on as it is: whoever compares refuses what is no number.
 */

import type { CompareOptions } from "../contract/bundle-options.ts";
import { InvalidOptionsError } from "../core/errors.ts";

export type AskedSimilarity = NonNullable<CompareOptions["similarity"]>;

export class TextPairs {
  readonly #ask: AskedSimilarity;
  readonly #known = new Map<string, number>();
  readonly #asked = new Map<string, PromiseLike<number>>();
  #isClosed = false;

  constructor(ask: AskedSimilarity) {
    this.#ask = ask;
  }

  readonly similarity = (a: string, b: string): number => {
    const pair = `${a.length} ${a} ${b}`;
    if (this.#known.has(pair)) return this.#known.get(pair) as number;
    if (this.#asked.has(pair)) return 0;
    if (this.#isClosed && this.#known.size > 0) throw unknownPair(a, b);
    const answer = this.#ask(a, b);
    if (!isAwaited(answer)) return answer;
    this.#asked.set(pair, answer);
    return 0;
  };

  /** Waits for the pairs that were asked for; whether there were any. */
  async settle(): Promise<boolean> {
    const asked = [...this.#asked];
    const answers = await Promise.all(asked.map(([, answer]) => answer));
    asked.forEach(([pair], index) => {
      this.#known.set(pair, answers[index] as number);
    });
    this.#asked.clear();
    return asked.length > 0;
  }

  close(): void {
    this.#isClosed = true;
  }
}

function isAwaited(answer: number | PromiseLike<number>): answer is PromiseLike<number> {
  return typeof (answer as PromiseLike<number> | undefined)?.then === "function";
}

function unknownPair(a: string, b: string): InvalidOptionsError {
  const allowed = "two texts of the values that resolveSimilarity was given; call it again with all values";
  return new InvalidOptionsError([{ path: "compare.similarity", given: [a, b], allowed }]);
}
