import type { EvidenceBundle, Replicate } from "../../contract/bundle.ts";
import { rankByReplicate, votingReplicates } from "./facts.ts";

/** One row and column of the map: a replicate, or several where there are too many to show. */
export interface MapEntry {
  readonly ids: readonly string[];
  readonly isValid: boolean;
}

/** Distances of the answers, those that voted alike next to each other. */
export interface DistanceMap {
  readonly entries: readonly MapEntry[];
  /** Mean distances, in [0, 1]; `null` where one of two answers is invalid. */
  readonly cells: readonly (readonly (number | null)[])[];
  /** Replicates that an entry stands for. */
  readonly perEntry: number;
}

/** More fields than this change the order of no map that can be read. */
const orderingFields = 50;

/** @param mostEntries rows and columns that can be shown */
export function distanceMap(bundle: EvidenceBundle, mostEntries: number): DistanceMap {
  const replicates = votingReplicates(bundle);
  const matrix = bundle.summary.pairwiseDistance ?? [];
  const order = orderByVotes(replicates, bundle);
  const perEntry = Math.max(1, Math.ceil(order.length / mostEntries));
  const blocks = chunked(order, perEntry);
  return {
    perEntry,
    entries: blocks.map((block) => entryOf(block.map((index) => replicates[index] as Replicate))),
    cells: blocks.map((rows) => blocks.map((columns) => meanDistance(matrix, rows, columns))),
  };
}

/** Replicates that give the same values stand together, by the fields on which most agree; those that do not vote last. */
function orderByVotes(replicates: readonly Replicate[], { summary }: EvidenceBundle): number[] {
  const fields = summary.disagreements.toReversed().slice(0, orderingFields);
  const ranks = fields.map(rankByReplicate);
  const keys = replicates.map(({ id, valid }) => [valid ? 0 : 1, ...ranks.map((rank) => rank.get(id) ?? 0)]);
  return [...replicates.keys()].sort((a, b) => compareKeys(keys[a] as number[], keys[b] as number[]) || a - b);
}

function compareKeys(a: readonly number[], b: readonly number[]): number {
  const differing = a.findIndex((rank, index) => rank !== b[index]);
  return differing === -1 ? 0 : (a[differing] as number) - (b[differing] as number);
}

function chunked(indexes: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(indexes.length / size) }, (_, chunk) =>
    indexes.slice(chunk * size, (chunk + 1) * size),
  );
}

function entryOf(replicates: readonly Replicate[]): MapEntry {
  return { ids: replicates.map(({ id }) => id), isValid: replicates.some(({ valid }) => valid) };
}

function meanDistance(
  matrix: readonly (readonly (number | null)[])[],
  rows: readonly number[],
  columns: readonly number[],
): number | null {
  let [sum, count] = [0, 0];
  for (const row of rows) {
    for (const column of columns) {
      const distance = matrix[row]?.[column];
      if (typeof distance !== "number") continue;
      sum += distance;
      count++;
    }
  }
  return count === 0 ? null : sum / count;
}
