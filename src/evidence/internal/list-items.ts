/**
 * Job: describe the items of several lists so that they can be compared: by number where they are equal, by features
 * where they are alike.
 * Boundary: reads values; which items meet is decided in list-groups.ts.
 * Invariants:
 * 1. Two items have one number if and only if they are equal as their fields are compared; lists inside them that meet by
 *    content are equal in any order.
 * 2. Numbers rise with what items say, whatever list they came from.
 */

import { type Slices, visiting } from "../../core/slices.ts";
import type { FieldComparison } from "./field-comparison.ts";
import { type Features, featuresOf, type Part, Place, readItems, textOf, writing } from "./item-parts.ts";
import { absent, isContainer, isList, jsonForm, stepsOfNames, unreadForm } from "./values.ts";

interface Example {
  readonly value: unknown;
  readonly part: Part;
  features?: Features;
}

export class ListItems {
  /** Number of each item, by list and position. */
  readonly lists: readonly (readonly number[])[];
  /** One of the items, by number. */
  readonly #examples: readonly Example[];

  private constructor(lists: ListItems["lists"], examples: readonly Example[]) {
    this.lists = lists;
    this.#examples = examples;
  }

  /** @param comparison how the items are compared */
  static *read(lists: readonly (readonly unknown[])[], comparison: FieldComparison): Slices<ListItems> {
    const root = new Place(comparison);
    const read: Part[][] = [];
    for (const list of lists) read.push(yield* readItems(list, root));
    yield* root.classify();
    const texts: string[][] = [];
    for (const list of read) {
      const own: string[] = [];
      for (const part of list) own.push(yield* writing(part));
      texts.push(own);
    }
    const numberOf = new Map([...new Set(texts.flat())].sort().map((text, number) => [text, number]));
    const examples: Example[] = [];
    const numbers: number[][] = [];
    for (const [index, list] of texts.entries()) {
      const own = list.map((text, position) => {
        const number = numberOf.get(text) as number;
        examples[number] ??= { value: lists[index]?.[position], part: read[index]?.[position] as Part };
        return number;
      });
      numbers.push(own);
      yield list.length / 4;
    }
    return new ListItems(numbers, examples);
  }

  /** Count of different items. */
  get count(): number {
    return this.#examples.length;
  }

  /** Names of the properties in which every item has a scalar, in the order in which items have them. */
  *commonProperties(): Slices<string[]> {
    const sums = new Map<string, { count: number; positions: number }>();
    for (const { value } of this.#examples) {
      const form = unreadForm(value);
      if (!isContainer(form) || isList(form)) return [];
      const names = Object.keys(form);
      if (names.length === 0) return [];
      yield stepsOfNames(names.length);
      yield* visiting(names, (name, position) => {
        const leaf = jsonForm((form as Readonly<Record<string, unknown>>)[name]);
        if (isContainer(leaf) || leaf === absent || leaf === null) return;
        const sum = sums.get(name) ?? { count: 0, positions: 0 };
        sums.set(name, { count: sum.count + 1, positions: sum.positions + position });
      });
    }
    return [...sums]
      .filter(([, { count }]) => count === this.count)
      .sort(([a, one], [b, other]) => one.positions - other.positions || (a < b ? -1 : 1))
      .map(([name]) => name);
  }

  /** Returns the text of an item's property, by item; the same for all that lack it. */
  propertyTexts(name: string): string[] {
    return this.#examples.map(({ part }) => {
      const at = "keys" in part ? part.keys.indexOf(name) : -1;
      const inner = at < 0 ? undefined : (part as { parts: readonly Part[] }).parts[at];
      return inner && "code" in inner ? textOf(inner) : "";
    });
  }

  features(item: number): Features {
    const example = this.#examples[item] as Example;
    example.features ??= featuresOf(example.part);
    return example.features;
  }

  /**
   * Returns how alike two items are, from 0 to 1: the share of the leaves of both that are the same, by weight. Leaves of
   * a list that meets by content count wherever they stand.
   */
  *likeness(a: number, b: number): Slices<number> {
    yield 2;
    if (a === b) return 1;
    const [one, other] = [this.features(a), this.features(b)];
    let [shared, all, steps] = [0, 0, 0];
    for (const [place, codes] of one) {
      const others = other.get(place) ?? [];
      const { weight } = place.comparison;
      all += weight * Math.max(codes.length, others.length);
      shared += weight * sharedOf(place, codes, others);
      steps += (codes.length + others.length) / 4;
      if (steps < 500) continue;
      yield steps;
      steps = 0;
    }
    yield steps + other.size / 16;
    for (const [place, codes] of other) if (!one.has(place)) all += place.comparison.weight * codes.length;
    return all > 0 ? shared / all : 0;
  }
}

function sharedOf(place: Place, codes: readonly number[], others: readonly number[]): number {
  if (others.length === 0) return 0;
  if (codes.length === 1 && others.length === 1) return place.likeness(codes[0] as number, others[0] as number);
  const counts = new Map<string, number>();
  for (const code of others) counts.set(place.textOf(code), (counts.get(place.textOf(code)) ?? 0) + 1);
  return codes.filter((code) => {
    const text = place.textOf(code);
    const left = counts.get(text) ?? 0;
    counts.set(text, left - 1);
    return left > 0;
  }).length;
}
