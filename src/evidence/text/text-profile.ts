/** A text as it is compared. */
export interface TextProfile {
  /** The words, a space between. */
  readonly text: string;
  readonly words: readonly string[];
  /** The words that turn a meaning round: negations and numbers, sorted. */
  readonly marks: string;
}

/** A character of a script written without spaces, a number, or a word; `C++` and `C#` are words. */
const word =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]|(?<![\p{L}\p{N}])-?\p{Nd}+(?:[.,]\p{Nd}+)*(?!\p{L})|[\p{L}\p{M}\p{N}]+[+#]*/gu;
const articles = new Set(["a", "an", "the"]);
const negations = new Set(["no", "not", "never", "none", "without", "nor", "neither"]);
const hasDigit = /\p{N}/u;

/**
 * Takes from a text what does not change what it says: compatibility forms, case, punctuation, English articles before
 * a word, commas within numbers. Signs and decimal points of numbers stay, and `n't` becomes the word `not`. A text
 * without a word stays, trimmed.
 */
export function profileText(raw: string): TextProfile {
  const plain = raw.normalize("NFKC").toLowerCase();
  const spelled = plain
    .replace(/\bcannot\b/g, "can not")
    .replace(/n['’]t\b/g, " not")
    .replace(/['’]/g, "");
  const found = spelled.match(word) ?? [plain.trim()];
  const words = found
    .filter((each, at) => at === found.length - 1 || !articles.has(each))
    .map((each) => (/^-?\d/.test(each) ? each.replaceAll(",", "") : each));
  const marks = words.filter((each) => negations.has(each) || hasDigit.test(each));
  return { text: words.join(" "), words, marks: marks.sort().join(" ") };
}
