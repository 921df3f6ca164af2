/**
 * Job: let a similarity that has to be awaited (an embedding model, a judge) be used where answers are compared at once.
 * Boundary: compares nothing itself.
 * Invariants:
 * 1. Once `learn` of a value has resolved, `compare` can compare it with every value learned before.
 * 2. The similarity is asked about each two texts once, however often they are compared.
 * 3. Once it is given up, all values can be compared, without it.
 */
import type { CompareOptions } from "../../contract/bundle-options.ts";
import { resolveSimilarity } from "../../evidence/resolve-similarity.ts";

type Similarity = NonNullable<CompareOptions["similarity"]>;

export class SettledComparison {
  readonly #given: CompareOptions | undefined;
  readonly #hasSimilarity: boolean;
  readonly #values: unknown[] = [];
  #compare: CompareOptions | undefined;
  #learning: Promise<void> = Promise.resolve();
  #isGivenUp = false;

  constructor(given: CompareOptions | undefined) {
    this.#hasSimilarity = hasSimilarity(given);
    this.#given = this.#hasSimilarity && given ? replaceSimilarity(given, remembered) : given;
    this.#compare = this.#hasSimilarity ? undefined : given;
  }

  /** True where comparing waits for a similarity. */
  get isAwaited(): boolean {
    return this.#hasSimilarity;
  }

  /** Comparison of the values learned so far. */
  get compare(): CompareOptions | undefined {
    return this.#compare;
  }

  /** @throws what the similarity rejects with */
  learn(value: unknown): Promise<void> {
    if (!this.#hasSimilarity) return this.#learning;
    this.#learning = this.#learning.then(async () => {
      this.#values.push(value);
      const compare = await resolveSimilarity(this.#values, this.#given);
      if (!this.#isGivenUp) this.#compare = compare;
    });
    return this.#learning;
  }

  /** Compares values without the similarity from here on: it cannot be asked any more. */
  giveUp(): void {
    this.#isGivenUp = true;
    this.#compare = this.#given && replaceSimilarity(this.#given, () => undefined);
  }
}

function hasSimilarity(compare: CompareOptions | undefined): boolean {
  return compare?.similarity !== undefined || Object.values(compare?.byPath ?? {}).some((own) => own?.similarity);
}

function replaceSimilarity(
  compare: CompareOptions,
  replace: (similarity: Similarity) => Similarity | undefined,
): CompareOptions {
  const replaceIn = <O extends { similarity?: Similarity | undefined }>(options: O): O =>
    options.similarity ? { ...options, similarity: replace(options.similarity) } : options;
  const byPath = Object.entries(compare.byPath ?? {}).map(([pointer, own]) => [pointer, replaceIn(own)] as const);
  return { ...replaceIn(compare), ...(compare.byPath && { byPath: Object.fromEntries(byPath) }) };
}

function remembered(similarity: Similarity): Similarity {
  const known = new Map<string, ReturnType<Similarity>>();
  return (a, b) => {
    const pair = JSON.stringify([a, b]);
    const value = known.get(pair) ?? similarity(a, b);
    known.set(pair, value);
    return value;
  };
}
