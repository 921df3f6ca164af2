import { distance as editDistance } from "fastest-levenshtein";
import { resemblance, type TextProfile } from "./text-profile.ts";

/** Comparison of a text with those before it, by index; valid until the next one is added. */
export interface TextRow {
  /** Similarity in [0, 1]; see `textSimilarity`. */
  readonly similarities: Float64Array;
  /** The part of all their words that they share (Jaccard 1901), of passages where one is long; in [0, 1]. */
  readonly overlaps: Float64Array;
}

/**
 * Job: compare texts, each with all before it.
 * Boundary: knows words and letters; clusters are made elsewhere.
 * Invariants:
 * 1. A similarity does not depend on which of two texts came first.
 * 2. A similarity under `least` is given as 0, and costs no count of edits where the letters in common rule it out.
 * 3. Comparing two texts takes no longer than it does for texts of `longestComparedByWords`.
 */
export class TextComparison {
  readonly #least: number;
  readonly #profiles: TextProfile[] = [];
  /** Number of words by text; 0 for a long text. */
  readonly #wordCounts: number[] = [];
  /** The texts that are short. */
  readonly #short: number[] = [];
  readonly #words = new OverlapIndex();
  readonly #letters = new OverlapIndex();
  #row: TextRow = { similarities: new Float64Array(64), overlaps: new Float64Array(64) };

  /** @param least the least similarity that matters */
  constructor({ least = 0 }: { least?: number } = {}) {
    this.#least = least;
  }

  add(profile: TextProfile): TextRow {
    const row = this.#profiles.length;
    if (row > this.#row.overlaps.length)
      this.#row = { similarities: new Float64Array(2 * row), overlaps: new Float64Array(2 * row) };
    const sharedWords = this.#words.add(row, profile.words);
    this.#compareWords(profile, sharedWords, row);
    if (profile.isShort) this.#compareLetters(profile, sharedWords, row);
    this.#profiles.push(profile);
    this.#wordCounts.push(profile.words.length);
    return this.#row;
  }

  #compareWords(profile: TextProfile, sharedWords: Int32Array, row: number): void {
    const { similarities, overlaps } = this.#row;
    const [least, wordCounts] = [this.#least, this.#wordCounts];
    const own = profile.words.length;
    for (let index = 0; index < row; index++) {
      const shared = sharedWords[index] as number;
      const others = wordCounts[index] as number;
      const most = Math.max(own, others);
      if (shared === Math.min(own, others)) this.#compareWhole(profile, index);
      else {
        overlaps[index] = shared / (own + others - shared);
        similarities[index] = shared < least * most ? 0 : shared / most;
      }
    }
  }

  /** Compares with a text that has all words of this one, or this one all of it; or of which one is long. */
  #compareWhole(profile: TextProfile, index: number): void {
    const other = this.#profiles[index] as TextProfile;
    const isByPassages = profile.isLong || other.isLong;
    const overlap = isByPassages ? resemblance(profile.sketch, other.sketch) : lengthRatio(profile.words, other.words);
    this.#row.overlaps[index] = overlap;
    this.#row.similarities[index] = !isByPassages && isWithin(profile, other) ? 1 : this.#counted(overlap);
  }

  /** Compares with the short texts, of which letters count. */
  #compareLetters(profile: TextProfile, sharedWords: Int32Array, row: number): void {
    const { similarities } = this.#row;
    const sharedLetters = this.#letters.add(row, profile.text.split(""));
    for (const index of this.#short) {
      const other = this.#profiles[index] as TextProfile;
      const hasWhole = sharedWords[index] === Math.min(profile.words.length, other.words.length);
      if (hasWhole && isWithin(profile, other)) continue;
      const longer = Math.max(profile.text.length, other.text.length);
      const isRuledOut = profile.marks !== other.marks || (sharedLetters[index] as number) < this.#least * longer;
      similarities[index] = isRuledOut ? 0 : this.#counted(1 - editDistance(profile.text, other.text) / longer);
    }
    this.#short.push(row);
  }

  #counted(similarity: number): number {
    return similarity >= this.#least ? similarity : 0;
  }
}

/** Tells if the words of one stand together in the other, and no other word reverses the meaning. */
function isWithin(a: TextProfile, b: TextProfile): boolean {
  const [shorter, longer] = a.words.length <= b.words.length ? [a, b] : [b, a];
  return a.marks === b.marks && includesSequence(longer.words, shorter.words);
}

function lengthRatio(a: { readonly length: number }, b: { readonly length: number }): number {
  return Math.min(a.length, b.length) / Math.max(a.length, b.length);
}

/**
 * Job: count what a new item has in common with each item before it, without looking at every two of them.
 * Boundary: symbols are opaque strings.
 * Invariants:
 * 1. A symbol counts as often as both items have it.
 * 2. The time of `add` is one step each for the symbols that the item has, and for the different ones that it shares.
 */
class OverlapIndex {
  readonly #occurrences = new Map<string, Occurrences>();
  #shared = new Int32Array(64);

  /**
   * Adds an item. Gives, by item before it, how many symbols the two share; until the next one is added.
   *
   * @param item its number, greater than those before
   */
  add(item: number, symbols: readonly string[]): Int32Array {
    if (item > this.#shared.length) this.#shared = new Int32Array(2 * item);
    const shared = this.#shared.fill(0, 0, item);
    for (const { items, times, own } of this.#count(item, symbols)) {
      for (let at = 0; at < items.length; at++) {
        const other = items[at] as number;
        shared[other] = (shared[other] as number) + Math.min(own, times[at] as number);
      }
      items.push(item);
      times.push(own);
    }
    return shared;
  }

  /** The different symbols of an item, each counted. */
  #count(item: number, symbols: readonly string[]): Occurrences[] {
    const found: Occurrences[] = [];
    for (const symbol of symbols) {
      let known = this.#occurrences.get(symbol);
      if (!known) {
        known = { items: [], times: [], own: 0, counted: -1 };
        this.#occurrences.set(symbol, known);
      }
      if (known.counted === item) known.own++;
      else {
        known.counted = item;
        known.own = 1;
        found.push(known);
      }
    }
    return found;
  }
}

/** Items that have a symbol. */
interface Occurrences {
  /** The items that have it, and how often each. */
  readonly items: number[];
  readonly times: number[];
  /** Occurrences in the item that was counted last. */
  own: number;
  counted: number;
}

/**
 * Tells if a sequence stands somewhere in a list, item after item, in time linear in both lengths (Knuth, Morris and
 * Pratt 1977).
 */
export function includesSequence<T>(list: readonly T[], sequence: readonly T[]): boolean {
  const borders = bordersOf(sequence);
  let matched = 0;
  for (const item of list) {
    if (matched === sequence.length) break;
    matched = extend(matched, item, sequence, borders);
  }
  return matched === sequence.length;
}

/** Returns, by length of a prefix of the sequence, its longest proper prefix that is also its suffix. */
function bordersOf<T>(sequence: readonly T[]): Int32Array {
  const borders = new Int32Array(sequence.length + 1);
  let border = 0;
  for (let length = 2; length <= sequence.length; length++) {
    border = extend(border, sequence[length - 1] as T, sequence, borders);
    borders[length] = border;
  }
  return borders;
}

/** Returns the matched length after one more item, given `matched` before it. */
function extend<T>(matched: number, item: T, sequence: readonly T[], borders: Int32Array): number {
  let length = matched;
  while (length > 0 && sequence[length] !== item) length = borders[length] as number;
  return sequence[length] === item ? length + 1 : 0;
}
