import { messageOf } from "../core/errors.ts";

/** Why a text is no JSON, and from which character on. */
export interface JsonFault {
  readonly offset: number;
  readonly reason: string;
}

/**
 * Where a text stops being JSON.
 *
 * @param error what `JSON.parse` threw for it
 */
export function locateJsonFault(text: string, error: unknown): JsonFault {
  const message = messageOf(error);
  const position = / at position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return { offset: Number(position), reason: message.replace(/ at position .*/, "") };
  if (message.startsWith("Unexpected end")) return { offset: text.length, reason: "the JSON ends too early" };
  return { offset: firstUnexpected(text), reason: message.replace(/, (\.\.\.)?".*/s, "") };
}

/**
 * The engine names an unexpected token without its position. A beginning of the text fails by ending too early until it
 * reaches that token, so the shortest one that fails by the token ends with it.
 */
function firstUnexpected(text: string): number {
  let [tooShort, longEnough] = [0, text.length];
  while (longEnough - tooShort > 1) {
    const middle = (tooShort + longEnough) >> 1;
    if (failsByToken(text.slice(0, middle))) longEnough = middle;
    else tooShort = middle;
  }
  return longEnough - 1;
}

function failsByToken(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return messageOf(error).startsWith("Unexpected token");
  }
}
