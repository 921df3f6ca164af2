import { type Random, seededRandom } from "../../src/core/random.ts";
import type { SummarizedReplicate } from "../../src/evidence/summary.ts";

/** Answers with lists, or very many answers. */
export interface LargeBundle {
  readonly name: string;
  answers(): unknown[];
}

export const largeBundles: readonly LargeBundle[] = [
  { name: "20 lists of 400 rows with a key, 10 % of the cells differ", answers: () => lists(20, 400, keyedRow(0.1)) },
  { name: "20 lists of 200 rows with a key, 10 % of the cells differ", answers: () => lists(20, 200, keyedRow(0.1)) },
  {
    name: "20 lists of 400 rows without a key, 30 % of the cells differ",
    answers: () => lists(20, 400, plainRow(0.3)),
  },
  { name: "20 lists of 400 rows that all differ", answers: () => lists(20, 400, plainRow(1)) },
  { name: "20 lists of 400 words, 20 % of them differ", answers: () => lists(20, 400, word(0.2)) },
  {
    name: "1,000 lists of 20 rows with a key, 20 % of the cells differ",
    answers: () => lists(1_000, 20, keyedRow(0.2)),
  },
  { name: "10,000 lists of 5 words, 20 % of them differ", answers: () => lists(10_000, 5, word(0.2)) },
  { name: "10 lists of 20,000 numbers, as they stand", answers: () => numbers(10, 20_000) },
  { name: "10 objects of 20,000 fields", answers: () => objects(10, 20_000, 0.2) },
  { name: "10,000 objects of 20 numbers, 20 % of them differ", answers: () => objects(10_000, 20, 0.2) },
];

export function replicatesFrom(answers: readonly unknown[]): SummarizedReplicate<unknown>[] {
  return answers.map((data, index) => ({ id: `r${index + 1}`, data }));
}

type Row = (index: number, random: Random) => unknown;

function lists(count: number, rows: number, row: Row): unknown[] {
  const random = seededRandom(1);
  return Array.from({ length: count }, () => {
    const items = Array.from({ length: rows }, (_, index) => ({ item: row(index, random), at: random.next() }));
    return { items: items.sort((a, b) => a.at - b.at).map(({ item }) => item) };
  });
}

function keyedRow(noise: number): Row {
  const plain = plainRow(noise);
  return (index, random) => ({ sku: `S${index}`, ...(plain(index, random) as object) });
}

/** @param noise the share of cells that differ from what the other answers have */
function plainRow(noise: number): Row {
  return (index, random) => {
    const cell = (usual: unknown, other: unknown) => (random.next() < noise ? other : usual);
    return {
      name: cell(`product number ${index % 97}`, `product number ${Math.floor(1_000 * random.next())}`),
      quantity: cell(index % 7, Math.floor(50 * random.next())),
      price: cell((37 * index) % 1_000, Math.floor(100_000 * random.next()) / 100),
    };
  };
}

function numbers(count: number, length: number): unknown[] {
  return Array.from({ length: count }, () => ({ items: Array.from({ length }, (_, index) => index) }));
}

function word(noise: number): Row {
  return (index, random) => (random.next() < noise ? `other ${Math.floor(1e6 * random.next())}` : `word ${index}`);
}

function objects(count: number, fields: number, noise: number): unknown[] {
  const random = seededRandom(1);
  const value = () => (random.next() < noise ? Math.floor(5 * random.next()) : 7);
  return Array.from({ length: count }, () =>
    Object.fromEntries(Array.from({ length: fields }, (_, field) => [`field${field}`, value()])),
  );
}
