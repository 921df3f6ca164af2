/**
 * Job: describe the items of several lists so that they can be compared: by number where they are equal, by features
 * where they are alike.
 * Boundary: reads values; which items meet is decided in list-groups.ts.
 * Invariants:
 * 1. Two items have one number if and only if they are equal as their fields are compared; lists inside them that meet by
 *    content are equal in any order.
 * 2. Numbers rise with what items say, whatever list they came from.
 */

import { atOnce, type Slices, visiting } from "../../core/slices.ts";
import { agreeing } from "./agreement.ts";
import { Field } from "./field.ts";
import type { FieldComparison } from "./field-comparison.ts";
import { LeafLikeness } from "./row-distance.ts";
import {
  absent,
  isContainer,
  isList,
  itemsOf,
  jsonForm,
  type Leaf,
  leafText,
  stepsOfNames,
  unreadForm,
} from "./values.ts";

/** Further inside, an item's parts are not looked at: it is like no other. */
const deepestItem = 200;

/** Of more different texts at one place, only equal ones are alike. */
const mostComparedTexts = 200;

/** Strings up to this length are the same or not: names and codes that are alike name different things. */
const longestWord = 64;

/** All leaves that items have at one pointer; in a list that meets by content, all its items have one. */
class Place {
  readonly comparison: FieldComparison;
  readonly #pool: Field;
  readonly #below = new Map<string | number, Place>();
  #classes: readonly string[] = [];
  #likeness: LeafLikeness | undefined;

  constructor(comparison: FieldComparison) {
    this.comparison = comparison;
    this.#pool = new Field(comparison);
  }

  below(segment: string | number): Place {
    const known = this.#below.get(segment) ?? new Place(this.comparison.below(segment));
    this.#below.set(segment, known);
    return known;
  }

  /** Returns the code of a leaf. */
  learn(leaf: Leaf): number {
    const { codes } = this.#pool;
    this.#pool.record(codes.length, leaf);
    return codes.at(-1) as number;
  }

  /** Finds the leaves, here and below, that are one answer. To be asked for once all leaves are learnt. */
  *classify(): Slices<void> {
    for (const open: Place[] = [this]; open.length > 0; ) {
      const place = open.pop() as Place;
      place.#classes = yield* place.#classesOfLeaves();
      for (const below of place.#below.values()) open.push(below);
    }
  }

  /** Returns a text that leaves of one answer share. */
  textOf(code: number): string {
    return this.#classes[code] as string;
  }

  /** Returns how alike two leaves are, from 0 to 1. */
  likeness(a: number, b: number): number {
    if (this.textOf(a) === this.textOf(b)) return 1;
    const { leaves, isBySimilarity } = this.#pool;
    const isShort = [leaves[a], leaves[b]].some((leaf) => typeof leaf === "string" && leaf.length <= longestWord);
    if (leaves.length > mostComparedTexts || (isShort && !isBySimilarity)) return 0;
    this.#likeness ??= new LeafLikeness(this.#pool);
    return this.#likeness.of(a, b);
  }

  *#classesOfLeaves(): Slices<string[]> {
    const { leaves, isExact, isBySimilarity } = this.#pool;
    const texts = leaves.map(leafText);
    yield texts.length / 4;
    if (isExact || (isBySimilarity && leaves.length > mostComparedTexts)) return texts;
    for (const { codes } of (yield* agreeing(this.#pool)).answers) {
      const shared = codes.map((code) => texts[code] as string).sort()[0] as string;
      for (const code of codes) texts[code] = shared;
    }
    return texts;
  }
}

/** A part of an item, read. */
type Part =
  | { readonly place: Place; readonly code: number }
  | { readonly keys: readonly string[]; readonly parts: readonly Part[] }
  | { readonly isByContent: boolean; readonly parts: readonly Part[] };

/** By place, the codes of the leaves that an item has there. */
export type Features = ReadonlyMap<Place, readonly number[]>;

interface Example {
  readonly value: unknown;
  readonly part: Part;
  features?: Features;
}

export class ListItems {
  /** Number of each item, by list and position. */
  readonly lists: readonly (readonly number[])[];
  /** By number, one of the items. */
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

  /** How many different items there are. */
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

function* readItems(list: readonly unknown[], root: Place): Slices<Part[]> {
  const parts: Part[] = [];
  for (const item of list) parts.push(yield* readPart(item, root, 0));
  return parts;
}

/** Reads an item or a part of it. */
function* readPart(value: unknown, place: Place, depth: number): Slices<Part> {
  const form = jsonForm(value);
  if (!isContainer(form)) {
    yield typeof form === "string" ? 5 + form.length / 8 : 5;
    return { place, code: place.learn(form === absent ? null : form) };
  }
  if (depth > deepestItem) return { place, code: place.learn(`deeper than ${deepestItem}`) };
  const parts: Part[] = [];
  if (isList(form)) {
    const isByContent = place.comparison.lists !== "position";
    for (const [index, item] of itemsOf(form).entries())
      parts.push(yield* readPart(item, isByContent ? place.below(0) : place.below(index), depth + 1));
    return { isByContent, parts };
  }
  const held = form as Readonly<Record<string, unknown>>;
  const keys = Object.keys(held);
  yield stepsOfNames(keys.length);
  const present = keys.filter((key) => unreadForm(held[key]) !== absent).sort();
  yield present.length;
  for (const key of present) parts.push(yield* readPart(held[key], place.below(key), depth + 1));
  return { keys: present, parts };
}

/** Writes a text that equal items share. */
function* writing(part: Part): Slices<string> {
  yield 2;
  if ("code" in part) return part.place.textOf(part.code);
  const texts: string[] = [];
  for (const inner of part.parts) texts.push(yield* writing(inner));
  yield texts.length / 4;
  if ("keys" in part) return `{${part.keys.map((key, at) => `${JSON.stringify(key)}:${texts[at]}`).join()}}`;
  return `[${(part.isByContent ? texts.sort() : texts).join()}]`;
}

/** `writing`, of a short part. */
function textOf(part: Part): string {
  return atOnce(writing(part));
}

function featuresOf(part: Part): Features {
  const features = new Map<Place, number[]>();
  const open: Part[] = [part];
  for (let next = open.pop(); next; next = open.pop()) {
    if ("code" in next) {
      const known = features.get(next.place);
      if (known) known.push(next.code);
      else features.set(next.place, [next.code]);
    } else for (const inner of next.parts) open.push(inner);
  }
  return features;
}
