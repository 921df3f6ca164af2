import type { Random } from "../../../src/core/random.ts";

/** A text of words that are the rarer the higher their number is, as words are. */
export function writtenText(length: number, random: Random): string {
  let text = "";
  while (text.length < length) text += ` ${wordOf(Math.floor(20_000 ** random.next()))}`;
  return text.slice(1, length + 1);
}

/** The text with a part of its words replaced by others. */
export function edited(text: string, part: number, random: Random): string {
  return text
    .split(" ")
    .map((word) => (random.next() < part ? `other${wordOf(Math.floor(1e6 * random.next()))}` : word))
    .join(" ");
}

/** A word in letters. */
function wordOf(number: number): string {
  return [...number.toString(26)].map((digit) => String.fromCharCode(97 + Number.parseInt(digit, 26))).join("");
}
