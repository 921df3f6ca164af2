import { closersOf, type Place, readString, type Scalar } from "./json-strings.ts";

/** End of the note on a number whose digits were kept. */
export const keptAsText = "is kept as text, because a number past 2^53 would be rounded";

const jsonNumber = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
/** Numbers as models write them: a plus sign, zeros in front, `.5`, `5.`, `0. 85`, groups of three digits. */
const otherNumber = /([+\-\u2212]?)(\d+(?:_\d{3})*)?(?:\.( ?\d+)?)?([eE][+-]?\d+)?/y;
const grouped = /[+\-\u2212]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?(?=\s*(?:[}\n]|,\s*["'“\p{L}_]))/uy;
const afterNumber = /[\s,}\]:/#]/;

/** Reads a number, and keeps its digits. */
export function readNumber(text: string, start: number, place: Place, isLenient: boolean): Scalar {
  // In an object, a comma and three digits can only be more of the number.
  const groups = isLenient && place === "object" ? matchAt(grouped, text, start)?.[0] : undefined;
  if (groups !== undefined) return mendedNumber(groups.replaceAll(",", ""), start + groups.length);
  const plain = matchAt(jsonNumber, text, start)?.[0];
  if (plain !== undefined && (!isLenient || isDelimited(text, start + plain.length)))
    return keptNumber(plain, start + plain.length);
  const other = isLenient ? matchAt(otherNumber, text, start) : undefined;
  const [written = "", , whole = "", fraction = ""] = other ?? [];
  if (!/\d/.test(whole + fraction) || !isDelimited(text, start + written.length))
    return { fault: "a number that is not JSON", end: start + written.length };
  return mendedNumber(written, start + written.length);
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function isDelimited(text: string, at: number): boolean {
  return at >= text.length || afterNumber.test(text[at] as string);
}

function mendedNumber(written: string, end: number): Scalar {
  const [, sign = "", whole = "", fraction = "", exponent = ""] = matchAt(otherNumber, written, 0) ?? [];
  const digits = whole.replaceAll("_", "").replace(/^0+(?=\d)/, "") || "0";
  const source = `${/[-\u2212]/.test(sign) ? "-" : ""}${digits}${fraction && `.${fraction.trim()}`}${exponent}`;
  return { ...keptNumber(source, end), mends: ["wrote a number as JSON does"] };
}

function keptNumber(source: string, end: number): Scalar {
  const value = Number(source);
  const shown = source.length > 40 ? `${source.slice(0, 40)}…` : source;
  if (!Number.isFinite(value)) return { fault: `${shown} is larger than any number`, end };
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER || digitsOf(source) === digitsOf(String(value))) return { value, end };
  return { value: source, end, note: `${shown} ${keptAsText}` };
}

/** Significant digits of a decimal number and their place, so that 100, 1e2 and 100.0 give the same. */
function digitsOf(source: string): string {
  const [, whole = "", fraction = "", exponent = "0"] = /^[+-]?(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(source) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  let length = digits.length;
  while (length > 0 && digits.charCodeAt(length - 1) === 0x30) length--;
  return `${digits.slice(0, length)}e${Number(exponent) - fraction.length + digits.length - length}`;
}

const word = /[\p{L}_$][\p{L}\p{N}_$-]*/uy;
const literals = new Map<string, unknown>([
  ["true", true],
  ["false", false],
  ["null", null],
]);
const otherLiterals = new Map<string, unknown>([...literals, ["none", null]]);
/** Words that stand for a missing value, for none, or for a type, and are no text. */
const noText = new Set(
  "undefined nan infinity inf nil string str number integer int float boolean bool object array any".split(" "),
);

/** Reads `true`, `false` or `null`; leniently also other spellings, a bare word, and what begins with another quote or sign. */
export function readWord(text: string, start: number, place: Place, isLenient: boolean): Scalar {
  for (const [name, value] of literals)
    if (text.startsWith(name, start) && !/[\p{L}\p{N}_$]/u.test(text[start + name.length] ?? ""))
      return { value, end: start + name.length };
  const character = text[start];
  if (!isLenient || character === undefined) return { fault: "no value", end: start };
  if (closersOf[character]) return readString(text, start, place, isLenient);
  if (/[+.\u2212]/.test(character)) return readNumber(text, start, place, isLenient);
  const found = matchAt(word, text, start)?.[0] ?? "";
  const end = start + found.length;
  const lower = found.toLowerCase();
  if (found === "" || !isDelimited(text, end)) return { fault: "no value", end };
  if (otherLiterals.has(lower))
    return { value: otherLiterals.get(lower), end, mends: ["wrote a literal as JSON does"] };
  if (place === "root" || noText.has(lower)) return { fault: `the bare word ${found.slice(0, 40)}`, end };
  return { value: found, end, mends: ["put quotes around a bare word"] };
}
