/**
 * Job: let a similarity that has to be awaited (an embedding model, a judge) be used where answers are compared at once.
 * Boundary: compares nothing itself.
 * Invariants:
 * 1. Once `learn` of a value has resolved, `compare` can compare it with every value learned before.
 * 2. The similarity is asked about each two texts once, however often they are compared.
 */
import type { CompareOptions } from "../contract/bundle-options.ts";
import { resolveSimilarity } from "../evidence/resolve-similarity.ts";

type Similarity = NonNullable<CompareOptions["similarity"]>;

export class SettledComparison {
  readonly #given: CompareOptions | undefined;
  readonly #hasSimilarity: boolean;
  readonly #values: unknown[] = [];
  #compare: CompareOptions | undefined;
  #learning: Promise<void> = Promise.resolve();

  constructor(given: CompareOptions | undefined) {
    this.#hasSimilarity = hasSimilarity(given);
    this.#given = this.#hasSimilarity && given ? remembering(given) : given;
    this.#compare = this.#hasSimilarity ? undefined : given;
  }

  /** Whether comparing waits for anything. */
  get isAwaited(): boolean {
    return this.#hasSimilarity;
  }

  /** How the values learned so far are compared. */
  get compare(): CompareOptions | undefined {
    return this.#compare;
  }

  /** @throws what the similarity rejects with */
  learn(value: unknown): Promise<void> {
    if (!this.#hasSimilarity) return this.#learning;
    this.#learning = this.#learning.then(async () => {
      this.#values.push(value);
      this.#compare = await resolveSimilarity(this.#values, this.#given);
    });
    return this.#learning;
  }
}

function hasSimilarity(compare: CompareOptions | undefined): boolean {
  return compare?.similarity !== undefined || Object.values(compare?.byPath ?? {}).some((own) => own?.similarity);
}

function remembering(compare: CompareOptions): CompareOptions {
  const byPath = Object.entries(compare.byPath ?? {}).map(([pointer, own]) => [pointer, rememberIn(own)] as const);
  return { ...rememberIn(compare), ...(compare.byPath && { byPath: Object.fromEntries(byPath) }) };
}

function rememberIn<O extends { similarity?: Similarity | undefined }>(options: O): O {
  return options.similarity ? { ...options, similarity: remembered(options.similarity) } : options;
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
