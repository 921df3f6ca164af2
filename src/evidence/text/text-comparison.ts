import { includesSequence } from "./includes-sequence.ts";
import { levenshteinFrom } from "./levenshtein.ts";
import { OverlapIndex } from "./overlap-index.ts";
import type { TextProfile } from "./text-profile.ts";
import { resemblance } from "./text-sketch.ts";

/** How a text compares with those before it, by index; until the next one is added. */
export interface TextRow {
  /** How alike they are, in [0, 1]; see `textSimilarity`. */
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
  /** By text; 0 of a long one. */
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
    const editsTo = levenshteinFrom(profile.text);
    for (const index of this.#short) {
      const other = this.#profiles[index] as TextProfile;
      const hasWhole = sharedWords[index] === Math.min(profile.words.length, other.words.length);
      if (hasWhole && isWithin(profile, other)) continue;
      const longer = Math.max(profile.text.length, other.text.length);
      const isRuledOut = profile.marks !== other.marks || (sharedLetters[index] as number) < this.#least * longer;
      similarities[index] = isRuledOut ? 0 : this.#counted(1 - editsTo(other.text) / longer);
    }
    this.#short.push(row);
  }

  #counted(similarity: number): number {
    return similarity >= this.#least ? similarity : 0;
  }
}

/** Whether the words of one stand together in the other, and no other word turns the meaning round. */
function isWithin(a: TextProfile, b: TextProfile): boolean {
  const [shorter, longer] = a.words.length <= b.words.length ? [a, b] : [b, a];
  return a.marks === b.marks && includesSequence(longer.words, shorter.words);
}

function lengthRatio(a: { readonly length: number }, b: { readonly length: number }): number {
  return Math.min(a.length, b.length) / Math.max(a.length, b.length);
}
