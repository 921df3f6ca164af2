import { monthOf, weekdays, wrappers } from "./answer-words.ts";
import { readNumber, spellInDigits, unitIn, valueBeforeUnit } from "./number-form.ts";
import { normalizeUnicode, unifyCharacters } from "./unicode.ts";

/**
 * The form in which texts that give the same answer are equal: what does not change the meaning is folded, all else stays
 * as it is written. Linear in the text.
 *
 * 1. `unifyCharacters`: one spelling for digits, quotes, dashes, spaces, ligatures, superscripts.
 * 2. `wraps` and `wrappers`, again and again: what stands around an answer and is no part of it.
 * 3. The first reading that takes in the whole answer: a number, a date, a list; else its words.
 */
export function normalForm(text: string): string {
  if (text.length > longestFolded) return normalizeUnicode(text, "NFC").replace(/\s+/g, " ").trim();
  const answer = withoutWraps(unifyCharacters(text));
  return readNumber(answer) ?? readDate(answer) ?? readList(answer) ?? readWords(answer);
}

/** Texts of more UTF-16 units are the same where nothing but their spaces differs. */
export const longestFolded = 32_768;

type Rewrite = readonly [pattern: RegExp, replacement: string, reason: string];

/** Patterns of what stands around an answer. Each is tied to an end of the text, and so linear. */
const wraps: readonly Rewrite[] = [
  [
    /(?:<\|(?:im_end|end|eot_id|eom_id|endoftext|end_of_text|return|END_RESPONSE)\|>|<\/s>|<end_of_turn>)$/,
    "",
    "an end token",
  ],
  [/^(```|~~~)[\w+#.-]* ?\n(.*)\n\1$/s, "$2", "a code fence"],
  [/^`([^`\n]+)`$/, "$1", "backticks"],
  [/^<(answer|response|final_answer|final|solution|output|result)>([^<>]+)<\/\1>$/i, "$2", "the mark of an answer"],
  [/^(\*{2,3})([^*]+)\1$/, "$2", "bold"],
  [/^(__?)(?=\p{Lu}\p{Ll})([^_\n]+)\1$/u, "$2", "bold or italics; `__init__` is a name"],
  [/^\*([^\s*][^*]*)(?<!\s)\*$/, "$1", "italics"],
  [/^"(?!["\d.,+-]+$|."$)([^"]+)"$/, "$1", "quotes; a figure or a single character in quotes is code"],
  [/^'(?!['\d.,+-]+$|.'$)([^']+)'$/, "$1", "quotes"],
  [/^\$\$?([^$]+)\$\$?$/, "$1", "mathematics"],
  [/^\\[([](.+)\\[\])]$/s, "$1", "mathematics"],
  [/^\\(?:boxed|text|textbf|mathrm|mathbf) ?\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}$/, "$1", "a box"],
  [/\. I hope it is correct\.?$/i, "", "the last words of a form that models are trained to fill"],
  [/^#{2,6} (?=[+-]?[$€£¥]?\d)/, "", "the mark of a final number"],
  [
    /^(?:#{1,6} \*{0,2}|\*\*|(?=[^\n]{1,20}:\*{0,2}\n)|(?=final answer\n))(?:(?:final |the )?answer|result|solution|summary)[:.]?\*{0,2}:?\n+/i,
    "",
    "a heading that announces the answer",
  ],
  [/^(?:>|#{1,6}) (?=\p{Lu}\p{L}[^<>=\n]*$)/u, "", "the mark of a quotation or a heading before a single line"],
  [/^「([^「」]+)」$/, "$1", "quotes"],
  [/^[-*•] (?=\p{L}[^\n]*$)/u, "", "a bullet before a single line"],
  [/^(?:sure|certainly|of course|okay|ok)[!,.:] (?=\S+ \S)/i, "", "a greeting"],
  [/^(?:so|therefore|thus|hence),? (?=the )/i, "", "a word of conclusion"],
  [/^(?:option|choice) \(?([A-Ha-h])\)?$/i, "$1", "the word before the letter of a choice"],
  [/^\(?([A-Za-z])\)$/, "$1", "parentheses at the letter of a choice"],
  [/^(?:it is|it's) (?!not\b)(\S+(?: \S+)?)$/i, "$1", "an empty subject"],
  [/^(?:in|on) (?=(?:\d{4}|\d{1,2} \p{L}{3,9} \d{4}|\p{L}{3,9} \d{1,2}, \d{4})$)/iu, "", "the preposition of a date"],
  [/(?<=[\p{L}\p{M}\p{N})%"'`*°])(?:\.{1,3}|。)$/u, "", "the last full stop"],
  [/\.$(?<=(?:\$[^$\n]{1,200}\$|\\boxed ?\{[^{}]{1,200}\})\.)/, "", "the last full stop, behind mathematics"],
  [/(?<=[\p{L}\p{M}]{2})!{1,3}$/u, "", "the last exclamation mark; behind a digit it is a factorial"],
  [
    /^(?:[Dd]r|[Pp]rof|[Pp]rofessor|[Ss]ir|President)\.? (?=\p{Lu}[\p{L}\p{M}'.-]* \p{Lu})/u,
    "",
    "a title before a full name",
  ],
  ...wrappers,
];

/** "**Answer:** `(B)`." has four wraps. */
const mostWraps = 8;

/** A word of these letters alone: each wrap has a mark or a space, or letters of another script. */
const bareWord = /^[A-Za-z0-9]+$/;

function withoutWraps(text: string): string {
  if (bareWord.test(text)) return text;
  let answer = text;
  for (let wrap = 0; wrap < mostWraps; wrap++) {
    const before = answer;
    answer = withoutMarkup(answer);
    for (const [pattern, replacement] of wraps) answer = answer.replace(pattern, replacement).trim();
    answer = answer.replace(echo, echoedWord);
    if (answer === before || answer === "") break;
  }
  return answer || text;
}

/**
 * `Yes, it is`: a verb that says the word again. Any word more is a fact more, but for what a `no` denies: `No, it is not soluble`
 * takes back what was asked. A word that bounds or turns it (`not only`, `not insoluble`) stays.
 */
const echo =
  /^(yes|no)[,.;:]? (?:it|he|she|they|this|that|there|you|we|i) (?:is|are|do|does|can|has|have)((?: not|n't|not)(?: (?!(?:not|never|only|but|if|no|yet|less|more|always)\b|un|i[lmnr]|dis|non)\p{L}+){0,2})?$/iu;

/** A `no` is echoed by a negation, a `yes` by none. */
function echoedWord(answer: string, word: string, negation: string | undefined): string {
  return (word.toLowerCase() === "no") === (negation !== undefined) ? word : answer;
}

/** Mathematics as plain text writes it, and lists without their bullets. */
const markup: readonly Rewrite[] = [
  [/(?<=\d)(?=\\[dt]?frac)/g, " ", "a mixed number"],
  [/\\[dt]?frac ?\{(\d+|[a-z])\}\{(\d+|[a-z])\}(?!\w)/gi, "$1/$2", "a fraction of single terms"],
  [/\\[dt]?frac ?(\d)(\d)(?!\w)/g, "$1/$2", "a fraction of two figures"],
  [/\\sqrt ?\{(\d+|[a-z])\}(?!\w)/gi, "√$1", "a root of a single term"],
  [/\^\{([+-]?(?:\d+|[a-z]))\}/gi, "^$1 ", "a power of a single term"],
  [/(?<!\p{L})\\(?:text|textbf|mathrm) ?\{([^{}\\]{0,200})\}/gu, "$1", "words among mathematics, behind no name"],
  [/(?<=\d)(?:\{,\}|\\,)(?=\d{3}(?!\d))/g, ",", "thousands"],
  [/\\([%$])/g, "$1", "an escaped sign"],
];

const signs = new Map(
  "times× cdot· le≤ leq≤ ge≥ geq≥ ne≠ neq≠ pm± piπ infty∞"
    .split(" ")
    .map((sign) => [sign.slice(0, -1), sign.slice(-1)]),
);

function withoutMarkup(text: string): string {
  let plain = text;
  if (/\\|\{,\}|\^\{/.test(text)) {
    for (const [pattern, replacement] of markup) plain = plain.replace(pattern, replacement);
    plain = plain.replace(/\\([a-z]{2,5})(?![a-z])/gi, (command, name) => signs.get(name) ?? command);
  }
  plain = plain.replace(/(?<![*\w])\*\*(?=[^\s*])([^*\n]+)\*\*(?!\*)/g, "$1");
  const lines = plain.split("\n").filter((line) => line.trim() !== "");
  if (lines.length < 2) return plain.trim();
  const isBulleted = lines.every((line) => /^ *[-*•] +\S/.test(line));
  const isNumbered = lines.every((line, at) =>
    line
      .trimStart()
      .replace(")", ".")
      .startsWith(`${at + 1}. `),
  );
  if (!isBulleted && !isNumbered) return plain.trim();
  const items = lines.map((line) => line.replace(/^ *(?:[-*•]|\d+[.)]) +/, ""));
  // Numbers before the items of what would be a set without them may be a ranking.
  if (isNumbered && readList(items.join(" and "))) return items.map((item, at) => `${at + 1}. ${item}`).join(" ");
  if (items.length === 2 && items.every((item) => listItem.test(item))) return items.join(" and ");
  return items.join(/[.!?]$/.test(items[0] as string) ? " " : ", ");
}

/** A whole answer that is a day, in forms that leave no doubt which is the month. */
function readDate(text: string): string | undefined {
  if (text.length > longestDate) return undefined;
  const [, weekday = "", written = ""] = /^(?:(\p{L}+day),? )?(.+)$/su.exec(text) ?? [];
  for (const pattern of dates) {
    const { year = "", month = "", day = "" } = pattern.exec(written)?.groups ?? {};
    const numbers = [Number(year), /^\d/.test(month) ? Number(month) : (monthOf(month) ?? 0), Number(day)] as const;
    if (numbers[1] < 1 || numbers[1] > 12 || numbers[2] < 1 || numbers[2] > 31) continue;
    const isOfDate =
      weekdays[new Date(Date.UTC(numbers[0], numbers[1] - 1, numbers[2])).getUTCDay()] === weekday.toLowerCase();
    // A weekday that is not that of the date stays: one of the two is wrong.
    return `@${year}-${numbers[1]}-${numbers[2]}${year !== "" && isOfDate ? "" : weekday.toLowerCase()}`;
  }
  return undefined;
}

const longestDate = 50;
const dates: readonly RegExp[] = [
  /^(?<year>\d{4})-(?<month>\d\d)-(?<day>\d\d)$/,
  /^(?<day>\d{1,2})\. ?(?<month>\d{1,2})\. ?(?<year>\d{4})$/,
  /^(?:the |le |el )?(?<day>\d{1,2})(?:st|nd|rd|th|\.|er)? (?:of |de )?(?<month>\p{L}+)\.?(?:,? (?:de )?(?<year>\d{4}))?$/iu,
  /^(?<month>\p{L}+)\.? (?<day>\d{1,2})(?:st|nd|rd|th)?(?:,? (?<year>\d{4}))?$/iu,
];

/**
 * A whole answer that is a list of short items: their order is not what was asked for. Numbers keep theirs, which may be
 * coordinates or a ranking, unless an `and` says that they are a list.
 */
function readList(text: string): string | undefined {
  if (text.length > longestList) return undefined;
  const items = text.split(/,? and |, |,(?=\p{L})/u);
  const [first = "", ...others] = items.length === 1 ? text.split(",") : items;
  if (others.length < (items.length === 1 ? 2 : 1)) return undefined;
  const all = [first, ...others];
  if (all.every((item) => listNumber.test(item))) return `{${(text.includes(" and ") ? all.sort() : all).join("|")}}`;
  // Two things around a bare comma may be a name turned round, or two roles; letters are choices.
  const isPair = items.length === 2 && text.includes(",") && items.some((item) => item.length > 1);
  const isList = items.length > 1 && !isPair && items.every((item) => listItem.test(item) && !relation.test(item));
  return isList ? `{${items.map(readWords).sort().join("|")}}` : undefined;
}

const longestList = 1000;
const listNumber = /^[+-]?\d+(?:\.\d+)?$/;
const listItem = /^[\p{L}\p{M}'-]+(?: [\p{L}\p{M}'-]+)?$/u;
const relation =
  /(?:^| )(?:from|to|between|in|on|of|at|by|for|with|without|who|which|then|than|next|not|no|is|are|was|or|but|before|after|first|last|both|either|neither|yes)(?: |$)/i;

/**
 * The words of an answer. Of prose the case, the punctuation between words and a leading article go; signs, numbers and
 * what looks like code, a path or an identifier stay to the letter.
 */
function readWords(text: string): string {
  if (symbols.test(text)) return (text.match(word) ?? []).join(" ");
  const parted = punctuation
    .reduce((rest, [pattern, replacement]) => rest.replace(pattern, replacement), text)
    .replace(abbreviation, (letters) => letters.replaceAll(".", ""))
    .replace(numberAndUnit, (both, number, unit) => (unitIn(unit) ? `${number} ${unit}` : both));
  const isShouted = !/\p{Ll}/u.test(parted);
  const words = spellInDigits(parted.match(word) ?? []);
  const isName = words.length > 1 && words.every((each) => /^\p{Lu}/u.test(each));
  const folded: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const measure = /^\d/.test(words[at] as string) ? measureAt(words, at) : undefined;
    const each = measure?.written ?? foldWord(words[at] as string, words[at - 1], isShouted && words.length > 1);
    folded.push(isName ? withoutAccents(each) : each);
    at += measure?.unitWords ?? 0;
  }
  return folded.join(" ").replace(/^(?:the|an?) (?!(?:few|little|lot|bit|the|an?|\S)(?: |$))/, "");
}

/**
 * Signs that prose does not have, calls, flags, a statement's end, indented lines, a lower-case letter as a name (`int x`), and
 * quotes around a comma: case and every character may count.
 */
const symbols =
  /\n[ \t]+\S|(?<=\p{L} )[b-df-hj-np-xz](?![^\s,;:])|(?:^|, ?)"[^",\n]*,[^"\n]*"(?:,|$)|" "|^(?:class|const|enum|import|interface|let|new|struct|type|var) \S+$|[^\p{L}\p{M}\p{N}\s.,;:!?'"()%°$€£¥/&。、-]|[\p{L}\p{N}_]\(|;$|(?<!\S)--?\p{L}|[!&/]{2}|(?<!\S)[!&]\S/mu;

const punctuation: readonly Rewrite[] = [
  [/\bcan(?:'t|not)\b/gi, "can not", "a contraction"],
  [/\bwon't\b/gi, "will not", "a contraction"],
  [/(?<=\p{L})n't\b/giu, " not", "a contraction"],
  [/(?<=\p{L})'ll\b/giu, " will", "a contraction"],
  [/(?<=\p{L})'re\b/giu, " are", "a contraction"],
  [/(?<=\p{L})'ve\b/giu, " have", "a contraction"],
  [/\bI'm\b/gi, "I am", "a contraction"],
  [/"/g, "", "quotes"],
  [/(?<=\p{L}{2})'(?!\p{L})|(?<![\p{L}\p{N}])'(?=\p{L})/gu, "", "quotes"],
  [/,(?= (?:and|or|Jr|Sr)\b)/g, "", "the comma before the last item of a list, or a suffix of a name"],
  [/(?<!\p{L})(Dr|Prof|Mr|Mrs|Ms|St|Jr|Sr|vs|Mt|\p{Lu})\.(?=\s)/gu, "$1", "the point of an abbreviation"],
  [/(?<=\p{L}{2})-(?=\p{L}{2})/gu, " ", "a hyphen"],
  [/(?<=[^\p{L}\p{N}]) ?\n\s*| ?\n\s*(?!\p{Lu})/gu, " ", "a line that ends with its sentence, or goes on with it"],
];

/** A number with its separators, a word with its apostrophes, a path, or signs that stand together. */
const word =
  /[\p{L}\p{M}\p{N}_]+(?:(?:[.:/@_\\']|(?<=\d),(?=\d)|(?<=\d)-|-(?=\d))[\p{L}\p{M}\p{N}_]+)*|\n\s*|[^\p{L}\p{M}\p{N}\s_]+/gu;

/** `U.S.A.`, `Ph.D.`, `a.m.` */
const abbreviation = /(?<![\p{L}.])(?:(?:\p{Lu}\p{Ll}?\.)+\p{Lu}\p{Ll}?|[ap]\.m)(?![\p{L}\p{N}])\.?/gu;
const numberAndUnit = /(?<![\p{L}\p{N}_.,])(\d+(?:[.,]\d+)*)(\p{L}{1,12})(?![\p{L}\p{N}_])/gu;

/** A number and the unit behind it, of at most four words (`kilometers per hour`); else the number alone. */
function measureAt(words: readonly string[], at: number): { written: string; unitWords: number } | undefined {
  const number = words[at] as string;
  for (let unitWords = 4; unitWords > 0; unitWords--) {
    const unit = unitIn(words.slice(at + 1, at + 1 + unitWords).join(" "));
    const value = unit && valueBeforeUnit(number, unit);
    if (value) return { written: `${value} ${unit}`, unitWords };
  }
  const isGrouped = /^[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?$/.test(number);
  return isGrouped ? { written: number.replaceAll(",", ""), unitWords: 0 } : undefined;
}

/** A word without its case, unless that tells things apart: `mW`, `CO`, `getName`, `src/Main.java`. */
function foldWord(each: string, before: string | undefined, isShouted: boolean): string {
  if (/^n\/a$/i.test(each)) return "n/a";
  const isUnit = each.length <= 3 && /^\d/.test(before ?? "");
  const isAcronym = /^\p{Lu}{2}$/u.test(each) && !isShouted && !/^(?:NO|OK|JA|SI|DA)$/.test(each);
  const isSymbol = (before === undefined ? /^(?![A-INY])\p{Lu}$/u : /^(?![AI])\p{Lu}$/u).test(each);
  if (/^[ap]m$/i.test(each) && /^\d{1,2}[:.]\d\d$/.test(before ?? "")) return each.toLowerCase();
  if (isSymbol || isUnit || isAcronym || /[\d_./:@\\]|\p{Ll}\p{Lu}/u.test(each)) return each;
  return each.toLowerCase();
}

/** Takes accents off Latin letters. A diaeresis and a ring stay: they make other letters. */
function withoutAccents(name: string): string {
  return normalizeUnicode(normalizeUnicode(name, "NFD").replace(/(?<=[a-z])[\u0300-\u0303\u030c\u0327]/g, ""), "NFC");
}
