import { levenshteinFrom, longestPattern } from "./levenshtein.ts";
import { OverlapIndex } from "./overlap-index.ts";
import type { TextProfile } from "./text-profile.ts";

/** How a text compares with those before it, by index. */
export interface TextRow {
  /** How alike they are, in [0, 1]; see `textSimilarity`. */
  readonly similarities: Float64Array;
  /** The mean of that and of the part of all their words that they share (Jaccard 1901), in [0, 1]. */
  readonly closeness: Float64Array;
}

/**
 * Job: compare texts, each with all before it.
 * Boundary: knows words and letters; clusters are made elsewhere.
 * Invariants:
 * 1. A similarity does not depend on which of two texts came first.
 * 2. A similarity under `least` is given as 0, and costs no count of edits where the letters in common rule it out.
 */
export class TextComparison {
  readonly #least: number;
  readonly #profiles: TextProfile[] = [];
  readonly #words = new OverlapIndex();
  readonly #letters = new OverlapIndex();

  /** @param least the least similarity that matters */
  constructor({ least = 0 }: { least?: number } = {}) {
    this.#least = least;
  }

  add(profile: TextProfile): TextRow {
    const sharedWords = this.#words.add(profile.words);
    const sharedLetters = this.#letters.add(isShort(profile) ? profile.text.split("") : []);
    const editsTo = isShort(profile) ? levenshteinFrom(profile.text) : undefined;
    const similarities = new Float64Array(this.#profiles.length);
    const closeness = new Float64Array(this.#profiles.length);
    for (let index = 0; index < this.#profiles.length; index++) {
      const other = this.#profiles[index] as TextProfile;
      const words = sharedWords[index] as number;
      const measured = this.#similarity(profile, other, words, sharedLetters[index] as number, editsTo);
      const similarity = measured >= this.#least ? measured : 0;
      similarities[index] = similarity;
      closeness[index] = (similarity + words / (profile.words.length + other.words.length - words)) / 2;
    }
    this.#profiles.push(profile);
    return { similarities, closeness };
  }

  #similarity(
    a: TextProfile,
    b: TextProfile,
    sharedWords: number,
    sharedLetters: number,
    editsTo: ((text: string) => number) | undefined,
  ): number {
    if (a.marks === b.marks && sharedWords === Math.min(a.words.length, b.words.length) && contains(a, b)) return 1;
    if (!editsTo || !isShort(b)) return sharedWords / Math.max(a.words.length, b.words.length);
    const longer = Math.max(a.text.length, b.text.length);
    if (a.marks !== b.marks || sharedLetters < this.#least * longer) return 0;
    return 1 - editsTo(b.text) / longer;
  }
}

/** Whether letters are compared, and not words: in long texts unrelated words have most of their letters in common. */
function isShort({ text }: TextProfile): boolean {
  return text.length > 0 && text.length <= longestPattern;
}

/** Whether the words of one stand together in the other. */
function contains(a: TextProfile, b: TextProfile): boolean {
  const [short, long] = a.words.length <= b.words.length ? [a, b] : [b, a];
  return ` ${long.text} `.includes(` ${short.text} `);
}
