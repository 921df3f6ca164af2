import type { CompareOptions } from "../contract/bundle-options.ts";
import { pairwiseDistance } from "./distance.ts";
import type { PartialReplicate } from "./parts.ts";
import { pickFields } from "./pick-fields.ts";

/** Valid replicates that were asked for the same, by their place among all. */
interface Group {
  readonly fields: readonly string[] | undefined;
  readonly places: number[];
}

/**
 * The distance of every two replicates, of what both were asked for; `null` where that is nothing, or one of them is
 * invalid.
 */
export function distancesOfParts(
  replicates: readonly PartialReplicate<unknown>[],
  compare: CompareOptions,
): (number | null)[][] {
  const matrix = replicates.map(() => replicates.map((): number | null => null));
  const groups = groupsOf(replicates);
  groups.forEach((one, index) => {
    for (const other of groups.slice(0, index + 1)) fill(matrix, one, other, replicates, compare);
  });
  return matrix;
}

function groupsOf(replicates: readonly PartialReplicate<unknown>[]): Group[] {
  const groups = new Map<string, Group>();
  replicates.forEach(({ fields, quality }, place) => {
    if (quality?.valid === false) return;
    const key = JSON.stringify(fields?.toSorted() ?? null);
    const group = groups.get(key) ?? { fields, places: [] };
    groups.set(key, group);
    group.places.push(place);
  });
  return [...groups.values()];
}

function fill(
  matrix: (number | null)[][],
  one: Group,
  other: Group,
  replicates: readonly PartialReplicate<unknown>[],
  compare: CompareOptions,
): void {
  const shared = sharedFields(one.fields, other.fields);
  if (shared?.length === 0) return;
  const places = one === other ? one.places : [...one.places, ...other.places];
  const answers = places.map((place) => replicates[place]?.data);
  const distances = pairwiseDistance(shared ? answers.map((data) => pickFields(data, shared)) : answers, compare);
  places.forEach((row, own) => {
    places.forEach((column, its) => {
      const isOfBoth = one === other || one.places.includes(row) !== one.places.includes(column);
      if (isOfBoth) (matrix[row] as (number | null)[])[column] = distances[own]?.[its] ?? null;
    });
  });
}

function sharedFields(
  one: readonly string[] | undefined,
  other: readonly string[] | undefined,
): readonly string[] | undefined {
  if (one && other) return one.filter((field) => other.includes(field));
  return one ?? other;
}
