/** The place of a scalar, and so what may follow it. */
export type Place = "key" | "object" | "array" | "root";

/** A string, number or literal that was read up to `end`, or the fault that ended reading there. */
export interface Scalar {
  readonly value?: unknown;
  readonly end: number;
  readonly fault?: string | undefined;
  readonly mends?: readonly string[];
  readonly note?: string | undefined;
}

const spaces = /[\u00a0\u200b\u2028\u2029\u3000\ufeff]/;

/** Index of the first character that is not white space. Lenient reading also skips the spaces of typesetting. */
export function spaceEnd(text: string, from: number, isLenient: boolean): number {
  let at = from;
  for (;;) {
    const code = text.charCodeAt(at);
    const isSpace = code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
    if (!isSpace && !(isLenient && code > 0x7f && spaces.test(text[at] as string))) return at;
    at++;
  }
}

/** Quotes that may begin a string, with those that may end it. */
export const closersOf: Readonly<Record<string, string>> = {
  '"': '"”',
  "'": "'’",
  "`": "`",
  "“": '”"',
  "”": '”"',
  "„": '“”"',
  "‘": "’'",
  "«": "»",
  "「": "」",
};
/** Characters for which the text of a string is not its value. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings.
const special = /[\\\u0000-\u001f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same, without the backslash.
const control = /[\u0000-\u001f]/;
const letter = /[\p{L}\p{N}]/u;
const bareKey = /[\p{L}_$][\p{L}\p{N}_$-]{0,99}|\d{1,15}/uy;
const longestKeyAhead = 200;
const noKey = "no key";
const keyAhead = /^(?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[“”„][^”“"\n]*[”“"]|[\p{L}_$][\p{L}\p{N}_$-]*)\s*:/u;

/** Tells whether a key and its colon stand at `at`. */
export function isKeyAhead(text: string, at: number): boolean {
  return keyAhead.test(text.slice(at, at + longestKeyAhead));
}

/** Reads a string or, leniently, a key without quotes. */
export function readString(text: string, start: number, place: Place, isLenient: boolean): Scalar {
  const end = text.charCodeAt(start) === 0x22 ? endOfJsonString(text, start) : -1;
  if (end > 0 && (!isLenient || ending(text, end, place) === "yes")) {
    const raw = text.slice(start + 1, end);
    if (!special.test(raw)) return { value: raw, end: end + 1 };
    const value = parseString(text.slice(start, end + 1));
    if (isCommand(raw)) return { fault: commandFault, end };
    if (value !== undefined) return { value, end: end + 1, note: noteOnBackslashes(raw) };
  }
  if (!isLenient) return { fault: "a string that is not JSON", end: end > 0 ? end : text.length };
  if (closersOf[text[start] as string]) return readOtherString(text, start, place);
  bareKey.lastIndex = start;
  const key = place === "key" ? bareKey.exec(text)?.[0] : undefined;
  if (key === undefined) return { fault: noKey, end: start };
  return { value: key, end: start + key.length, mends: ["put quotes around a key"] };
}

/** Index of the next quote that no backslash escapes; -1 if there is none. */
function endOfJsonString(text: string, start: number): number {
  for (let from = start + 1; ; ) {
    const quote = text.indexOf('"', from);
    let slashes = quote;
    while (slashes > from && text.charCodeAt(slashes - 1) === 0x5c) slashes--;
    if (quote < 0 || (quote - slashes) % 2 === 0) return quote;
    from = quote + 1;
  }
}

function parseString(json: string): string | undefined {
  try {
    return JSON.parse(json) as string;
  } catch {
    return undefined;
  }
}

/**
 * Escapes of JSON that were meant as backslashes: a backspace before a letter, and the names of LaTeX commands, of which JSON
 * reads the first letter as a control character.
 */
const commands =
  /(?<!\\)(?:\\\\)*\\(?:f(?:rac|orall|rown|lat|ootnote)|t(?:imes|heta|au|ext\p{L}*|riangle\p{L}*|ilde|frac|herefore)|r(?:ight\p{L}*|ho|angle)|n(?:abla|otin))(?!\p{L})/u;
const backspace = /(?<!\\)(?:\\\\)*\\b\p{L}/u;
/**
 * Escapes that may have been meant so: a form feed before a letter, any of them after a drive letter, a line end before a name
 * of LaTeX that is no word.
 */
const undoubled =
  /(?<!\\)(?:\\\\)*(?:\\[fr]\p{L}|\b[A-Za-z]:\\[bfnrt]|\\n(?:eq|[lg]eq|cong|[ew]arrow|(?:left|right)arrow|ewline|ewcommand)(?!\p{L}))/u;
/** Names that may be words too: they count beside other signs of mathematics. */
const undoubledWord =
  /(?<!\\)(?:\\\\)*\\(?:n(?:[uei]|eg|ot|mid|sim|exists|parallel|subset\p{L}*)|t(?:anh?|binom|op?))(?!\p{L})/u;
const mathematics = /[$^={}_]|^\\n\p{L}{1,2}$/u;

function isCommand(raw: string): boolean {
  return raw.includes("\\") && (backspace.test(raw) || commands.test(raw));
}

function noteOnBackslashes(raw: string): string | undefined {
  if (!undoubled.test(raw) && !(undoubledWord.test(raw) && mathematics.test(raw))) return undefined;
  return "a string has control characters before letters: perhaps its backslashes were not doubled";
}

const commandFault = "a backslash that JSON reads as a control character; write two";

/** Reads a string with other quotes, with quotes inside, with raw line ends, or with backslashes that begin no escape. */
function readOtherString(text: string, start: number, place: Place): Scalar {
  const opener = text[start] as string;
  const closers = closersOf[opener] as string;
  // Not a number where there is none, which equals nothing.
  const [first, second, third] = [closers.charCodeAt(0), closers.charCodeAt(1), closers.charCodeAt(2)];
  const inside: number[] = [];
  let [hasLineEnd, hasSign] = [false, false];
  const isDouble = opener === '"' || opener === "“";
  let opened = 0;
  const limit = place === "key" ? Math.min(text.length, start + longestKeyAhead) : text.length;
  for (let at = start + 1; at < limit; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x20 || isAsciiLetter(code)) continue;
    if (code === 0x5c) at++;
    else if (code === 0x0a) hasLineEnd = true;
    else if (opener === "”" && code === 0x201c) return unclear(at);
    else if (isDouble && code === 0x201c) opened++;
    else if (isDouble && code === 0x201d && opened > 0) opened--;
    else if (code === first || code === second || code === third) {
      const end = ending(text, at, place);
      if (end === "yes" && opener === "“" && opened > 0) return unclear(at);
      if (end === "yes") return mendedString(text, start, at, inside, hasLineEnd);
      if (end === "perhaps" || place === "key" || at === (inside.at(-1) ?? start) + 1) return unclear(at);
      inside.push(at);
    } else if (isSign(code)) hasSign = true;
    // No end that comes later makes it clear.
    if (inside.length > 0 && (hasLineEnd || hasSign)) return unclear(at);
  }
  return { fault: limit < text.length ? noKey : "a string that never ends", end: limit };
}

/** Tells brackets, braces and colons, which stand between the strings of JSON. */
function isSign(code: number): boolean {
  return code === 0x3a || code === 0x5b || code === 0x5d || code === 0x7b || code === 0x7d;
}

function unclear(end: number): Scalar {
  return { fault: "a quote inside a string that may also end it", end };
}

/** Tells whether the quote at `quote` ends its string, by what follows it. */
function ending(text: string, quote: number, place: Place): "yes" | "no" | "perhaps" {
  const next = spaceEnd(text, quote + 1, true);
  const code = text.charCodeAt(next);
  const isNear = next === quote + 1;
  if (isNear && place !== "root" && isAsciiLetter(code)) return "no";
  if (place === "key") return code === 0x3a ? "yes" : "no";
  if (next >= text.length || place === "root") return "yes";
  if (code === (place === "object" ? 0x7d : 0x5d)) return "yes";
  if (code === 0x2c) return goesOn(text, spaceEnd(text, next + 1, true), place) ? "yes" : "perhaps";
  if (code === 0x3a || code === 0x7d || code === 0x5d) return "perhaps";
  if (code === 0x2f || code === 0x23) return isNear ? "perhaps" : "yes";
  if (isNear) return "no";
  const character = text[next] as string;
  const hasLineEnd = text.slice(quote + 1, next).includes("\n");
  // A comma is missing before the key on the next line.
  if (hasLineEnd && code === 0x22 && place === "object" && isKeyAhead(text, next)) return "yes";
  if (character in closersOf) return "perhaps";
  if (!hasLineEnd) return "no";
  return letter.test(character) || (place === "object" && isKeyAhead(text, next)) ? "yes" : "perhaps";
}

function isAsciiLetter(code: number): boolean {
  return (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a);
}

/** Tells whether a member or an item can begin at `at`, after a comma. */
function goesOn(text: string, at: number, place: Place): boolean {
  const character = text[at];
  if (character === undefined) return false;
  if (/[/#]/.test(character)) return true;
  if (place === "object") return character === "}" || isKeyAhead(text, at);
  return /[\]{[\d-]/.test(character) || character in closersOf || literalAhead.test(text.slice(at, at + 6));
}

const literalAhead = /^(?:true|false|null|none)\b/i;

function mendedString(
  text: string,
  start: number,
  end: number,
  inside: readonly number[],
  hasLineEnd: boolean,
): Scalar {
  const opener = text[start] as string;
  // An apostrophe stands alone. Other quotes come in pairs, or one is missing and another was taken for it.
  const quotes = inside.filter((at) => !isApostrophe(text, at));
  // A space inside a pair of quotes stands between two strings, as in `"a" or "b"`.
  const isPaired = quotes.every((at, index) =>
    index % 2 === 0 ? !/\s/.test(text[at + 1] as string) : !/\s/.test(text[at - 1] as string),
  );
  if (quotes.length % 2 === 1 || !isPaired || inside.at(-1) === end - 1) return unclear(end);
  const raw = text.slice(start + 1, end);
  // A lost comma or quote makes one string of two and of what stands between them.
  if (inside.length > 0 && (/[{}[\]:]/.test(raw) || adjacent.test(raw))) return unclear(end);
  if (isCommand(raw)) return { fault: commandFault, end };
  const { value, isKept } = raw.includes("\\") ? decoded(raw, opener) : { value: raw, isKept: false };
  if (value === undefined) return { fault: "backslashes that can be read in two ways", end };
  const mends = [
    opener !== '"' || text[end] !== '"' ? "took other quotes for double ones" : "",
    inside.length > 0 ? "kept quotes that were not escaped" : "",
    hasLineEnd || control.test(raw) ? "kept line ends that were not escaped" : "",
    isKept ? "kept backslashes that begin no escape" : "",
  ].filter((mend) => mend !== "");
  return { value, end: end + 1, mends, note: noteOnBackslashes(raw) };
}

/** Two quotes with a sign between them: two strings that are put together. */
const adjacent = /["'”’][^\p{L}\p{N}"'”’]{0,5}["'“‘]/u;

function isApostrophe(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return (code === 0x27 || code === 0x2019) && isLetter(text, at - 1) && isLetter(text, at + 1);
}

function isLetter(text: string, at: number): boolean {
  return isAsciiLetter(text.charCodeAt(at)) || letter.test(text[at] ?? "");
}

const meanings: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/**
 * Decodes escapes. A backslash that begins none is kept; `value` is undefined where others of the same string may be meant
 * to be kept too, or where it begins an escape of another language.
 */
function decoded(raw: string, opener: string): { readonly value: string | undefined; readonly isKept: boolean } {
  const parts: string[] = [];
  let isKept = false;
  let isUnclear = false;
  let [from, done] = [0, 0];
  for (let at = raw.indexOf("\\"); at >= 0; at = raw.indexOf("\\", from)) {
    const character = raw[at + 1] ?? "";
    const hex = character === "u" ? raw.slice(at + 2, at + 6) : "";
    const isHex = hexadecimal.test(hex);
    const meaning = isHex
      ? String.fromCharCode(Number.parseInt(hex, 16))
      : character === opener
        ? opener
        : meanings[character];
    if (meaning === undefined) {
      isKept = true;
      isUnclear ||=
        character === "'" ||
        character === "\n" ||
        (character === "x" && /^[\da-f]{2}/i.test(raw.slice(at + 2, at + 4)));
    } else {
      parts.push(raw.slice(done, at), meaning);
      done = at + (isHex ? 6 : 2);
    }
    from = at + (isHex ? 6 : 2);
  }
  parts.push(raw.slice(done));
  isUnclear ||= isKept && /\\\\|\\[bfnrt]\p{L}/u.test(raw);
  return { value: isUnclear ? undefined : parts.join(""), isKept };
}

const hexadecimal = /^[\da-f]{4}$/i;
