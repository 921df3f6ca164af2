import { currencyOf, denominators, numberWords, ordinals, powersOfTen, unitOf } from "./answer-words.ts";

/** Longer texts are not numbers, whatever they begin with. */
const longestNumber = 100;

/**
 * A whole answer that is a number, by its value, with sign, unit and currency: `1,200.00` and `1200` are one. Leading
 * zeros (`007`), two points (`1.10.2`) and a comma that may part a list or a decimal (`1,2`) make it none.
 */
export function readNumber(text: string): string | undefined {
  if (text.length > longestNumber) return undefined;
  const ordinal = ordinals.get(text.toLowerCase()) ?? /^(\d{1,9})(?:st|nd|rd|th)$/i.exec(text)?.[1];
  if (ordinal !== undefined) return `#${ordinal} in order`;
  const words = spellInDigits(
    text
      .replace(/^a dozen$/i, "12")
      .replace(/(?<=\p{L})-(?=\p{L})/gu, " ")
      .split(" "),
  ).join(" ");
  const [, sign = "", currency = "", written = ""] =
    /^([+-]?)([A-Z]{0,2}[$€£¥₹₽₩] ?|[A-Z]{3} )?(.*)$/s.exec(words.replace(/^([$€£¥])-/, "-$1")) ?? [];
  const [value, rest] = leadingValue(written, currency !== "" || /\D$/.test(written));
  if (value === undefined || (currency !== "" && rest !== "")) return undefined;
  const unit = currency !== "" ? currencyOf(currency.trim()) : rest === "" ? "" : unitIn(rest.trim());
  if (unit !== undefined && isTimeOfDay(written, unit)) return undefined;
  return unit === undefined ? undefined : `#${sign}${value}${unit && ` ${unit}`}`;
}

/** A unit, or one unit by another: `km/h`, `kilometers per hour`. */
export function unitIn(text: string): string | undefined {
  const units = text.split(/ per | ?\/ ?/).map(unitOf);
  return units.length <= 2 && !units.includes(undefined) ? units.join("/") : undefined;
}

/** The value of a number in the midst of a text; undefined of what may be a version, a part of a list, an identifier. */
export function valueBeforeUnit(written: string, unit: string): string | undefined {
  if (isTimeOfDay(written, unit)) return undefined;
  const [value, rest] = leadingValue(written, true);
  return rest === "" ? value : undefined;
}

/** `10.30 am` is no number: `10.3 am` is another time. */
function isTimeOfDay(written: string, unit: string): boolean {
  return /^[ap]m$/.test(unit) && /^\d+[.,]\d/.test(written);
}

/** Ways to write numbers, each with the part that is the decimal form. */
const styles: readonly { pattern: RegExp; decimal(written: string): string; onlyWithUnit?: true }[] = [
  { pattern: /^[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?/, decimal: (written) => written.replaceAll(",", "") },
  // Of India: `₹12,34,567`.
  {
    pattern: /^[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d+)?(?!\d)/,
    decimal: (written) => written.replaceAll(",", ""),
    onlyWithUnit: true,
  },
  { pattern: /^[1-9]\d{0,2}([ _'])\d{3}(?:\1\d{3})*(?:\.\d+)?/, decimal: (written) => written.replace(/[ _']/g, "") },
  { pattern: /^[1-9]\d{0,2}(?:\.\d{3})+,\d+/, decimal: (written) => written.replaceAll(".", "").replace(",", ".") },
  { pattern: /^(?:0|[1-9]\d*),\d+/, decimal: (written) => written.replace(",", "."), onlyWithUnit: true },
  { pattern: /^(?:0|[1-9]\d*)(?:\.\d+)?|^\.\d+/, decimal: (written) => written },
];

/** Characters that must not follow a number: it would be a version, a time, a range, a list, an identifier. */
const goesOn = /^(?:[.,:/_'-]|[ ,]{0,2}\d)/;

/** The value at the start of a text, and the text behind it. */
function leadingValue(text: string, hasUnit: boolean): readonly [value: string | undefined, rest: string] {
  const fraction = /^(?:(\d{1,6}) )?(\d{1,6})\/([1-9]\d{0,5})/.exec(text);
  if (fraction) {
    const rest = text.slice(fraction[0].length);
    return [goesOn.test(rest) ? undefined : fractionValue(fraction), rest];
  }
  for (const { pattern, decimal, onlyWithUnit } of styles) {
    const written = onlyWithUnit && !hasUnit ? undefined : pattern.exec(text)?.[0];
    if (written === undefined) continue;
    let rest = text.slice(written.length);
    const power = /^(?:[eE]([+-]?\d{1,6})| ?[×x*·] ?10\^\{?([+-]?\d{1,6})\}?)(?!\d)/.exec(rest);
    if (power) rest = rest.slice(power[0].length);
    const scale = / ?(thousand|million|billion|trillion)\b/iy.exec(rest);
    if (scale) rest = rest.slice(scale[0].length);
    if (goesOn.test(rest)) continue;
    const exponent = Number(power?.[1] ?? power?.[2] ?? 0) + (powersOfTen.get(scale?.[1]?.toLowerCase() ?? "") ?? 0);
    return [shortest(decimal(written), exponent), rest];
  }
  return [undefined, text];
}

/** One writing for a value: its digits without zeros at the ends, and the power of ten that they count. */
function shortest(decimal: string, exponent: number): string {
  const [whole = "", places = ""] = decimal.split(".");
  const digits = (whole + places).replace(/^0+/, "");
  const kept = digits.slice(0, digits.length - (/(?<!0)0+$/.exec(digits)?.[0].length ?? 0));
  return kept === "" ? "0" : `${kept}e${exponent - places.length + digits.length - kept.length}`;
}

/** Returns the value of a fraction in lowest terms: others, as `6/8` and `4/4`, may be measures, scores or days. */
function fractionValue([, whole = "0", above, below]: readonly (string | undefined)[]): string | undefined {
  const [numerator, denominator] = [Number(above), Number(below)];
  if (greatestDivisor(numerator, denominator) > 1 || denominator === 1) return undefined;
  const total = Number(whole) * denominator + numerator;
  const places = [1, 2, 3, 4, 5, 6].find((count) => 10 ** count % denominator === 0);
  if (places === undefined) return `${total}/${denominator}`;
  return shortest(String((total * 10 ** places) / denominator), -places);
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/** Words with those of numbers in digits: `two hundred`, `twenty one`, `three quarters`. */
export function spellInDigits(words: readonly string[]): string[] {
  const spelled: string[] = [];
  for (let at = 0; at < words.length; ) {
    const [value, used] = numberAt(words, at);
    const part = words[at + used]?.toLowerCase() ?? "";
    const below = value === 1 || part.endsWith("s") ? denominators.get(part) : undefined;
    // "one" alone may be a pronoun.
    if (used === 0 || (value === 1 && used === 1 && below === undefined && words.length > 1))
      spelled.push(words[at++] as string);
    else {
      spelled.push(below === undefined ? String(value) : `${value}/${below}`);
      at += below === undefined ? used : used + 1;
    }
  }
  return spelled;
}

/** The number that words spell from a place on, and how many they are. */
function numberAt(words: readonly string[], start: number): readonly [value: number, used: number] {
  let [total, group, least, at] = [0, 0, Number.POSITIVE_INFINITY, start];
  for (; at < words.length; at++) {
    const word = (words[at] as string).toLowerCase();
    const [small, power] = [numberWords.get(word), powersOfTen.get(word)];
    const room = group % 100 >= 20 && group % 10 === 0 ? 10 : group % 100 === 0 ? 100 : 0;
    if (small !== undefined && small < room) group += small;
    else if (word === "hundred" && group > 0 && group < 10) group *= 100;
    else if (power !== undefined && group > 0 && power < least) {
      total += group * 10 ** power;
      [group, least] = [0, power];
    } else break;
  }
  return [total + group, at - start];
}
