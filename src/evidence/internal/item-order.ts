import { type Slices, visiting } from "../../core/slices.ts";
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
  const byPlace = new Map<number, Field>();
  yield* visiting(items, (field) => byPlace.set(field.segment as number, field));
  const isThere = (place: number) => !there || there.has(byPlace.get(place) as Field);
  const kept: (readonly number[])[] = [];
  for (const order of orders) {
    const own: number[] = [];
    yield* visiting(order, (place) => {
      if (isThere(place)) own.push(place);
    });
    kept.push(own);
  }
  const first = there ? yield* inCommonOrder(kept) : (kept[0] ?? []);
  const taken = new Set<number>();
  yield* visiting(first, (place) => taken.add(place));
  const others: number[] = [];
  yield* visiting(byPlace.keys(), (place) => {
    if (!taken.has(place)) others.push(place);
  });
  others.sort((a, b) => a - b);
  yield others.length / 8;
  const ordered: Field[] = [];
  yield* visiting([...first, ...others], (place) => {
    const field = byPlace.get(place) as Field;
    field.number(ordered.push(field) - 1);
  });
  return ordered;
}

function* inCommonOrder(orders: readonly (readonly number[])[]): Slices<number[]> {
  const common = yield* commonestOrder(orders);
  const rankOf = new Map<number, number>();
  const ranks = new Map<number, number[]>();
  yield* visiting(common, (place, rank) => {
    rankOf.set(place, rank);
    ranks.set(place, [rank]);
  });
  for (const order of orders) {
    let rank = -0.5;
    yield* visiting(order, (place) => {
      const own = rankOf.get(place);
      if (own !== undefined) rank = own + 0.5;
      else if (ranks.has(place)) ranks.get(place)?.push(rank);
      else ranks.set(place, [rank]);
    });
  }
  const middles: { place: number; rank: number }[] = [];
  yield* visiting(ranks, ([place, own]) => middles.push({ place, rank: middleOf(own) }));
  middles.sort((a, b) => a.rank - b.rank || a.place - b.place);
  yield middles.length / 4;
  return middles.map(({ place }) => place);
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
