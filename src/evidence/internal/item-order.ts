import type { Slices } from "../../core/slices.ts";
import type { Field } from "./field.ts";

/**
 * Numbers the items of a moved list: those that are in the consensus in the order that most lists have them in, then the
 * others. An item that this order lacks comes after the one that it follows in the lists that have it.
 *
 * @param items in any order
 * @param orders by list, the places of its items
 * @param there the items of the consensus; default: those of the first list
 * @returns the items as they are numbered
 */
export function* numberItems(
  items: readonly Field[],
  orders: readonly (readonly number[])[],
  there?: ReadonlySet<Field>,
): Slices<Field[]> {
  const byPlace = new Map(items.map((field) => [field.segment as number, field]));
  const isThere = (place: number) => !there || there.has(byPlace.get(place) as Field);
  yield items.length / 2;
  const kept: (readonly number[])[] = [];
  for (const order of orders) {
    kept.push(order.filter(isThere));
    yield order.length / 4;
  }
  const first = there ? yield* inCommonOrder(kept) : (kept[0] ?? []);
  yield first.length;
  const taken = new Set(first);
  const others = [...byPlace.keys()].filter((place) => !taken.has(place)).sort((a, b) => a - b);
  const ordered = [...first, ...others].map((place) => byPlace.get(place) as Field);
  ordered.forEach((field, index) => {
    field.number(index);
  });
  return ordered;
}

function* inCommonOrder(orders: readonly (readonly number[])[]): Slices<number[]> {
  const common = yield* commonestOrder(orders);
  yield common.length / 2;
  const rankOf = new Map(common.map((place, rank) => [place, rank]));
  const ranks = new Map<number, number[]>(common.map((place, rank) => [place, [rank]]));
  for (const order of orders) {
    let rank = -0.5;
    for (const place of order) {
      const own = rankOf.get(place);
      if (own !== undefined) rank = own + 0.5;
      else if (ranks.has(place)) ranks.get(place)?.push(rank);
      else ranks.set(place, [rank]);
    }
    yield order.length / 4;
  }
  const middles = Array.from(ranks, ([place, own]) => ({ place, rank: middleOf(own) }));
  return middles.sort((a, b) => a.rank - b.rank || a.place - b.place).map(({ place }) => place);
}

/** The order that most lists have; of equally many the longest, then the one that comes first by its places. */
function* commonestOrder(orders: readonly (readonly number[])[]): Slices<readonly number[]> {
  const found = new Map<string, { order: readonly number[]; count: number }>();
  for (const order of orders) {
    const text = order.join();
    const known = found.get(text);
    if (known) known.count++;
    else found.set(text, { order, count: 1 });
    yield order.length / 4;
  }
  const best = [...found.values()].sort(
    (a, b) => b.count - a.count || b.order.length - a.order.length || comparePlaces(a.order, b.order),
  )[0];
  return best?.order ?? [];
}

function comparePlaces(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((place, index) => place !== b[index]);
  return at < 0 ? 0 : (a[at] as number) - (b[at] as number);
}

function middleOf(ranks: number[]): number {
  return ranks.sort((a, b) => a - b)[(ranks.length - 1) >> 1] as number;
}
