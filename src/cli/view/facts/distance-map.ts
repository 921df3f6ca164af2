import type { EvidenceBundle, Replicate } from "../../../contract/bundle.ts";
import { votingReplicates } from "./voting-replicates.ts";

/** One row and column of the map: a replicate, or neighbours that share a cell where there are too many to show. */
export interface MapEntry {
  readonly label: string;
  readonly isValid: boolean;
}

/** How far apart the answers are, those that voted alike next to each other. */
export interface DistanceMap {
  readonly entries: readonly MapEntry[];
  /** Mean distances, in [0, 1]; `null` where one of two answers is invalid. */
  readonly cells: readonly (readonly (number | null)[])[];
  /** Replicates that an entry stands for. */
  readonly perEntry: number;
}

/** Further fields than this change the order of no map that can be read. */
const orderingFields = 50;

/** @param mostEntries rows and columns that can be shown */
export function distanceMap(bundle: EvidenceBundle, mostEntries: number): DistanceMap {
  const replicates = votingReplicates(bundle);
  const matrix = bundle.summary.pairwiseDistance;
  const order = orderByVotes(replicates, bundle);
  const perEntry = Math.max(1, Math.ceil(order.length / mostEntries));
  const blocks = chunked(order, perEntry);
  return {
    perEntry,
    entries: blocks.map((block) => entryOf(block.map((index) => replicates[index] as Replicate))),
    cells: blocks.map((rows) => blocks.map((columns) => meanDistance(matrix, rows, columns))),
  };
}

/** Replicates that give the same values stand together; those that do not vote come last. */
function orderByVotes(replicates: readonly Replicate[], { summary }: EvidenceBundle): number[] {
  const ranks = new Map(replicates.map(({ id }) => [id, [] as number[]]));
  for (const [field, { values }] of summary.disagreements.slice(0, orderingFields).entries()) {
    for (const [rank, { replicateIds }] of values.entries()) {
      for (const id of replicateIds) (ranks.get(id) ?? [])[field] = rank;
    }
  }
  const rankOf = (index: number, field: number) => ranks.get((replicates[index] as Replicate).id)?.[field] ?? 0;
  const isInvalid = (index: number) => Number(!(replicates[index] as Replicate).valid);
  return [...replicates.keys()].sort((a, b) => {
    if (isInvalid(a) !== isInvalid(b)) return isInvalid(a) - isInvalid(b);
    for (let field = 0; field < Math.min(orderingFields, summary.disagreements.length); field++) {
      const difference = rankOf(a, field) - rankOf(b, field);
      if (difference !== 0) return difference;
    }
    return a - b;
  });
}

function chunked(indexes: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.ceil(indexes.length / size) }, (_, chunk) =>
    indexes.slice(chunk * size, (chunk + 1) * size),
  );
}

function entryOf(replicates: readonly Replicate[]): MapEntry {
  const [first, last] = [replicates[0] as Replicate, replicates.at(-1) as Replicate];
  const label = first === last ? first.id : `${first.id} … ${last.id}`;
  return { label, isValid: replicates.some(({ valid }) => valid) };
}

function meanDistance(
  matrix: EvidenceBundle["summary"]["pairwiseDistance"],
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
