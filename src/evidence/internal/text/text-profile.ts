/** Texts of more UTF-16 units are compared by a sketch of them: all their words would take too long. */
const longestComparedByWords = 16_384;

/** Texts up to this length are compared by letters; longer ones agree in letters by accident. */
const longestShort = 32;

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
  /** True if letters are compared, and not words: in longer texts unrelated words have most of their letters in common. */
  readonly isShort: boolean;
  #sketch: TextSketch | undefined;

  constructor(raw: string) {
    this.raw = raw;
    this.isLong = raw.length > longestComparedByWords;
    this.words = this.isLong ? [] : wordsOf(raw);
    this.text = this.isLong ? raw : this.words.join(" ");
    this.isShort = this.text.length > 0 && this.text.length <= longestShort;
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

/** One least hash each. The resemblance of two sketches is off by 3 points (standard error) at most. */
const slots = 256;
/** A slot into which no passage fell. */
const empty = -1;

/** Letters and digits of a passage: two or three words. */
const passageLength = 12;

/** Least hash of the passages by slot: a summary of fixed size for a text of any length. */
export type TextSketch = Int32Array;

/**
 * A sketch of a text: its passages of 12 characters fall into slots by their hash, and of each slot the least hash stays,
 * so that of two texts the same passages are drawn (shingles: Broder 1997; one permutation hashing: Li, Owen and Zhang
 * 2012). Compatibility forms, case, ASCII punctuation and the number of spaces do not count. The time is that of reading
 * the text once.
 */
export function sketchText(raw: string): TextSketch {
  const text = raw.normalize("NFKC").toLowerCase();
  const sketch = new Int32Array(slots).fill(empty);
  const passage = new Int32Array(passageLength);
  let [hash, length, place, last] = [0, 0, 0, space];
  for (let at = 0; at < text.length; at++) {
    const unit = wordUnit(text.charCodeAt(at));
    if (unit === space && last === space) continue;
    hash = (Math.imul(hash, base) + unit - Math.imul(passage[place] as number, outgoing)) | 0;
    passage[place] = unit;
    place = place + 1 === passageLength ? 0 : place + 1;
    last = unit;
    if (++length >= passageLength) note(sketch, hash);
  }
  if (length < passageLength) note(sketch, hash);
  return sketch;
}

/**
 * Estimates the share of passages that two texts have in common (Jaccard 1901), from the slots in which one has any.
 *
 * @returns from 0 to 1; symmetric; 1 for equal sketches
 */
export function resemblance(a: TextSketch, b: TextSketch): number {
  let [equal, vacant] = [0, 0];
  for (let slot = 0; slot < slots; slot++) {
    const least = a[slot];
    if (least !== b[slot]) continue;
    if (least === empty) vacant++;
    else equal++;
  }
  return equal / (slots - vacant);
}

const space = 32;

/** A letter or digit as it is; all other ASCII as a space. */
function wordUnit(unit: number): number {
  const isWord = unit >= 128 || (unit >= 97 && unit <= 122) || (unit >= 48 && unit <= 57);
  return isWord ? unit : space;
}

/** The hash of a passage is a polynomial in this number (Karp and Rabin 1987), modulo 2^32. */
const base = 0x01000193;
const outgoing = Array.from({ length: passageLength }).reduce<number>((power) => Math.imul(power, base), 1);

function note(sketch: TextSketch, hash: number): void {
  const bits = mixed(hash);
  const slot = bits % slots;
  const least = sketch[slot] as number;
  if (least === empty || bits < least) sketch[slot] = bits;
}

/** A hash of 31 bits, each of which depends on all bits of the given one (the finalizer of MurmurHash3: Appleby 2011). */
function mixed(hash: number): number {
  let bits = hash;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 1;
}
