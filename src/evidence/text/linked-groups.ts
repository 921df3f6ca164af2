/**
 * Items that are linked with each other, directly or over others (connected components, found by disjoint sets: Tarjan
 * 1975).
 *
 * @param links by item, how strong its link is to each item before it, 0 for none; undefined where all are none
 * @returns the items of each group, rising; the group with the lowest item first
 */
export function linkedGroups(links: readonly (Float64Array | undefined)[]): number[][] {
  const parents = Array.from(links.keys());
  links.forEach((strengths, item) => {
    strengths?.forEach((strength, other) => {
      if (strength > 0) join(parents, item, other);
    });
  });
  const groups: number[][] = [];
  for (const item of parents.keys()) {
    const first = firstOf(parents, item);
    if (groups[first]) groups[first].push(item);
    else groups[first] = [item];
  }
  return groups.filter(() => true);
}

function join(parents: number[], a: number, b: number): void {
  const [one, other] = [firstOf(parents, a), firstOf(parents, b)];
  parents[Math.max(one, other)] = Math.min(one, other);
}

/** The lowest item that an item is joined with so far. */
function firstOf(parents: number[], item: number): number {
  let at = item;
  while (parents[at] !== at) {
    parents[at] = parents[parents[at] as number] as number;
    at = parents[at] as number;
  }
  return at;
}
