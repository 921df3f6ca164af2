import { longestPattern } from "./levenshtein.ts";
import { sketchText, type TextSketch } from "./text-sketch.ts";

/** Texts of more UTF-16 units are compared by a sketch of them: all their words would take too long. */
const longestComparedByWords = 16_384;

/** A text as it is compared. */
export class TextProfile {
  readonly raw: string;
  /** The words, a space between; of a long text the text as it came. */
  readonly text: string;
  /** None of a long text. */
  readonly words: readonly string[];
  /** The words that turn a meaning round: negations and numbers, sorted. */
  readonly marks: string;
  readonly isLong: boolean;
  /** Whether letters are compared, and not words: in longer texts unrelated words have most of their letters in common. */
  readonly isShort: boolean;
  #sketch: TextSketch | undefined;

  constructor(raw: string) {
    this.raw = raw;
    this.isLong = raw.length > longestComparedByWords;
    this.words = this.isLong ? [] : wordsOf(raw);
    this.text = this.isLong ? raw : this.words.join(" ");
    this.isShort = this.text.length > 0 && this.text.length <= longestPattern;
    this.marks = marksIn(this.text, this.words).sort().join(" ");
  }

  get sketch(): TextSketch {
    this.#sketch ??= sketchText(this.raw);
    return this.#sketch;
  }
}

/** A character of a script written without spaces, a number, or a word; `C++` and `C#` are words. */
const word =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]|(?<![\p{L}\p{N}])-?\p{Nd}+(?:[.,]\p{Nd}+)*(?!\p{L})|[\p{L}\p{M}\p{N}]+[+#]*/gu;
const articles = new Set(["a", "an", "the"]);
const negations = new Set(["no", "not", "never", "none", "without", "nor", "neither"]);
const hasDigit = /\p{N}/u;

/**
 * The words of a text, without what does not change what it says: compatibility forms, case, punctuation, English
 * articles before a word, commas within numbers. Signs and decimal points of numbers stay, and `n't` becomes the word
 * `not`. A text without a word stays, trimmed.
 */
export function wordsOf(raw: string): string[] {
  const plain = raw.normalize("NFKC").toLowerCase();
  const spelled = plain
    .replace(/\bcannot\b/g, "can not")
    .replace(/n['’]t\b/g, " not")
    .replace(/['’]/g, "");
  const found = spelled.match(word) ?? [plain.trim()];
  const words = found.filter((each, at) => at === found.length - 1 || !articles.has(each));
  return spelled.includes(",") ? words.map(withoutCommas) : words;
}

function withoutCommas(each: string): string {
  return /^-?\d/.test(each) ? each.replaceAll(",", "") : each;
}

function marksIn(text: string, words: readonly string[]): string[] {
  const isAnyNumber = hasDigit.test(text);
  return words.filter((each) => negations.has(each) || (isAnyNumber && hasDigit.test(each)));
}
