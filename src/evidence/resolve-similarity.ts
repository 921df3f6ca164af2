import type { CompareOptions } from "../contract/bundle-options.ts";
import { agree } from "./agreement.ts";
import { RowDistances } from "./row-distance.ts";
import { FieldRules } from "./rules.ts";
import { tableOf } from "./table-of.ts";
import { type AskedSimilarity, TextPairs } from "./text-pairs.ts";

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
  const { fields, rows } = tableOf(values, FieldRules.of(compare));
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
