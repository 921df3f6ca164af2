import type { CompareOptions } from "../contract/bundle-options.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import { agree } from "./internal/agreement.ts";
import { FieldComparison } from "./internal/field-comparison.ts";
import { tableOf } from "./internal/list-alignment.ts";
import { RowDistances } from "./internal/row-distance.ts";

/**
 * Compare options whose `similarity` answers at once, for these values: an embedding model or a judge that has to be
 * awaited is asked beforehand about every two texts that a summary of the values, their distances and the rules compare,
 * each pair once. Options without such a function come back as they are.
 *
 * @returns options for these values and any selection of them; other texts throw an InvalidOptionsError
 * @throws what the similarity rejects with; InvalidOptionsError where the options cannot be used
 *
 * @example
 * ```ts
 * const compare = await resolveSimilarity(replicates.map(({ data }) => data), { text: true, similarity: embeddings });
 * summarize(replicates, compare);
 * ```
 */
export async function resolveSimilarity(
  values: readonly unknown[],
  compare: CompareOptions = {},
): Promise<CompareOptions> {
  const pairs = new Map<AskedSimilarity, TextPairs>();
  const resolved = replaceSimilarity(compare, (similarity) => {
    const known = pairs.get(similarity) ?? new TextPairs(similarity);
    pairs.set(similarity, known);
    return known.similarity;
  });
  do compareAll(values, resolved);
  while (await settleAll([...pairs.values()]));
  for (const known of pairs.values()) known.close();
  return resolved;
}

/** Makes every comparison that a summary, a matrix of distances or a rule makes. */
function compareAll(values: readonly unknown[], compare: CompareOptions): void {
  const { fields, rows } = tableOf(values, FieldComparison.of(compare));
  for (const field of fields) agree(field);
  new RowDistances(fields).matrix(rows);
}

/** Waits for what was asked; whether there was anything. */
async function settleAll(pairs: readonly TextPairs[]): Promise<boolean> {
  const settled = await Promise.all(pairs.map((known) => known.settle()));
  return settled.some((some) => some);
}

function replaceSimilarity(
  { byPath, similarity, ...compare }: CompareOptions,
  replace: (similarity: AskedSimilarity) => AskedSimilarity,
): CompareOptions {
  const inPlace = <Options extends { similarity?: AskedSimilarity | undefined }>(options: Options): Options =>
    options.similarity ? { ...options, similarity: replace(options.similarity) } : options;
  if (!byPath) return inPlace({ ...compare, similarity });
  const entries = Object.entries(byPath).map(([pointer, options]) => [pointer, inPlace(options)] as const);
  return inPlace({ ...compare, similarity, byPath: Object.fromEntries(entries) });
}

/**
 * Job: stand in for a similarity that has to be awaited: note which pairs are asked for, and know them once settled.
 * Boundary: compares nothing itself; a similarity that answers at once is passed through.
 * Invariants:
 * 1. Each pair is asked of the caller's function once.
 * 2. Until `settle` a pair that is not known counts as 0; after `close` it is an error.
 * 3. Its answer is passed on unchanged: the comparison refuses a value that is not a number.
 */

export type AskedSimilarity = NonNullable<CompareOptions["similarity"]>;

class TextPairs {
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
