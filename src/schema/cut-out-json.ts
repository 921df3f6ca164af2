/** A part of a text that may be JSON, and how it was found. */
export interface JsonCut {
  readonly json: string;
  readonly repairs: readonly string[];
}

/** Brackets in prose that are never closed are passed over, but not without end. */
const mostUnclosed = 8;
/** A fence has a line of its own: one inside a JSON string has none. */
const fenceLine = /^[ \t]*```\w*[ \t]*$/m;
const closers: Readonly<Record<string, string>> = { "{": "}", "[": "]" };

/**
 * What looks most like the JSON of an answer: after the reasoning that some models write down, inside a code fence, or the
 * longest bracketed part. The text itself where nothing does.
 */
export function cutOutJson(text: string): JsonCut {
  const repairs: string[] = [];
  let json = text.trim();
  const reasoningEnd = json.lastIndexOf("</think>");
  if (reasoningEnd >= 0) {
    json = json.slice(reasoningEnd + "</think>".length).trim();
    repairs.push("left out the reasoning before the answer");
  }
  const fenced = insideFence(json);
  if (fenced !== undefined) {
    json = fenced;
    repairs.push("took the JSON out of its code fence");
  }
  const bracketed = longestBracketed(json);
  if (bracketed !== undefined && bracketed.length < json.length) {
    json = bracketed;
    repairs.push("cut the JSON out of the text around it");
  }
  return { json, repairs };
}

/** The longest fenced block; one that was never closed reaches to the end. */
function insideFence(text: string): string | undefined {
  const parts = text.split(fenceLine);
  return longest(parts.filter((_, index) => index % 2 === 1).map((block) => block.trim()));
}

function longestBracketed(text: string): string | undefined {
  const closed: string[] = [];
  let firstUnclosed: number | undefined;
  let unclosed = 0;
  for (let start = nextBracket(text, 0); start >= 0 && unclosed < mostUnclosed; ) {
    const end = closingBracket(text, start);
    if (end === undefined) {
      firstUnclosed ??= start;
      unclosed++;
    } else closed.push(text.slice(start, end + 1));
    start = nextBracket(text, (end ?? start) + 1);
  }
  return longest(closed) ?? (firstUnclosed === undefined ? undefined : text.slice(firstUnclosed));
}

function nextBracket(text: string, from: number): number {
  const found = text.slice(from).search(/[{[]/);
  return found < 0 ? found : from + found;
}

/** Where the bracket at `start` is closed, passing over strings: a quote opens one where a value or a key may begin. */
function closingBracket(text: string, start: number): number | undefined {
  const expected: string[] = [];
  let quote = "";
  let previous = "";
  for (let at = start; at < text.length; at++) {
    const character = text[at] as string;
    if (quote) {
      if (character === "\\") at++;
      else if (character === quote) quote = "";
    } else if ((character === '"' || character === "'") && "{[,:".includes(previous)) quote = character;
    else if (closers[character]) expected.push(closers[character]);
    else if (character === expected.at(-1) && expected.pop() && expected.length === 0) return at;
    if (character.trim() !== "") previous = character;
  }
  return undefined;
}

function longest(texts: readonly string[]): string | undefined {
  return texts.reduce<string | undefined>(
    (best, text) => (best === undefined || text.length > best.length ? text : best),
    undefined,
  );
}
