/**
 * Job: read an item of a list into parts, leaf by leaf, so that items can be compared without their values.
 * Boundary: reads one item; list-items.ts numbers items and says how alike two are.
 * Invariants:
 * 1. Two parts have one text if and only if they are equal as their fields are compared, once all leaves are classified.
 * 2. An item of any size is read and written in slices.
 */

import { atOnce, type Slices } from "../../core/slices.ts";
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

/** Limit of different texts at one place, above which only equal ones are alike. */
const mostComparedTexts = 200;

/** Strings up to this length are the same or not: names and codes that are alike name different things. */
const longestWord = 64;

/** All leaves that items have at one pointer; in a list that meets by content, all its items have one. */
export class Place {
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
export type Part =
  | { readonly place: Place; readonly code: number }
  | { readonly keys: readonly string[]; readonly parts: readonly Part[] }
  | { readonly isByContent: boolean; readonly parts: readonly Part[] };

/** Codes of the leaves that an item has, by place. */
export type Features = ReadonlyMap<Place, readonly number[]>;

export function* readItems(list: readonly unknown[], root: Place): Slices<Part[]> {
  const parts: Part[] = [];
  for (const item of list) parts.push(yield* readItem(item, root));
  return parts;
}

/** Way of a walk through an object or a list, and the parts that it has read of it. */
interface Reading {
  readonly place: Place;
  readonly depth: number;
  /** Values in the order of their keys, or as they stand in a list. */
  readonly values: readonly unknown[];
  readonly keys: readonly string[] | undefined;
  readonly isByContent: boolean;
  readonly parts: Part[];
}

/** Steps of a walk between two pauses. */
const stepsOfWalk = 500;

function* readItem(value: unknown, root: Place): Slices<Part> {
  const open: Reading[] = [];
  let steps = 5;
  let part = enter(value, root, 0, open);
  for (let reading = open.at(-1); reading; reading = open.at(-1)) {
    const { place, keys, values, isByContent, parts, depth } = reading;
    if (part) parts.push(part);
    const at = parts.length;
    if (at === values.length) {
      open.pop();
      part = keys ? { keys, parts } : { isByContent, parts };
    } else {
      const inner = values[at];
      part = enter(inner, place.below(keys ? (keys[at] as string) : isByContent ? 0 : at), depth + 1, open);
      steps += typeof inner === "string" ? 5 + inner.length / 8 : 5;
      if (keys && !part) steps += stepsOfNames(open.at(-1)?.values.length ?? 0);
    }
    if (steps < stepsOfWalk) continue;
    yield steps;
    steps = 0;
  }
  yield steps;
  return part as Part;
}

/** Reads a leaf. Of what has parts, opens the reading of them, and returns nothing. */
function enter(value: unknown, place: Place, depth: number, open: Reading[]): Part | undefined {
  const form = jsonForm(value);
  if (!isContainer(form)) return { place, code: place.learn(form === absent ? null : form) };
  if (depth > deepestItem) return { place, code: place.learn(`deeper than ${deepestItem}`) };
  if (isList(form)) {
    const isByContent = place.comparison.lists !== "position";
    open.push({ place, depth, values: itemsOf(form), keys: undefined, isByContent, parts: [] });
    return undefined;
  }
  const held = form as Readonly<Record<string, unknown>>;
  const keys = Object.keys(held)
    .filter((key) => unreadForm(held[key]) !== absent)
    .sort();
  open.push({ place, depth, values: keys.map((key) => held[key]), keys, isByContent: false, parts: [] });
  return undefined;
}

/** Writes a text that equal items share. */
export function* writing(item: Part): Slices<string> {
  const open: { readonly part: Exclude<Part, { code: number }>; readonly texts: string[] }[] = [];
  let steps = 2;
  let text = textOrOpened(item);
  for (let writes = open.at(-1); writes; writes = open.at(-1)) {
    const { part, texts } = writes;
    if (text !== undefined) texts.push(text);
    const next = part.parts[texts.length];
    if (next) text = textOrOpened(next);
    else {
      open.pop();
      text = joined(part, texts);
      steps += texts.length;
    }
    if (++steps < stepsOfWalk) continue;
    yield steps;
    steps = 0;
  }
  yield steps;
  return text as string;

  function textOrOpened(part: Part): string | undefined {
    if ("code" in part) return part.place.textOf(part.code);
    open.push({ part, texts: [] });
    return undefined;
  }
}

function joined(part: Exclude<Part, { code: number }>, texts: string[]): string {
  if ("keys" in part) return `{${part.keys.map((key, at) => `${JSON.stringify(key)}:${texts[at]}`).join()}}`;
  return `[${(part.isByContent ? texts.sort() : texts).join()}]`;
}

/** `writing`, of a short part. */
export function textOf(part: Part): string {
  return atOnce(writing(part));
}

export function featuresOf(part: Part): Features {
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
