import { jsonrepair } from "jsonrepair";
import { isJson } from "../core/json.ts";

/** An answer larger than this is none. */
const largestBytes = 8 * 2 ** 20;
/** The time of mending can grow with the square of the length: 1.5 s for 120 KB that are made to be slow. */
const largestMendedCharacters = 2 ** 16;
const deepestLevel = 200;

/** JSON that was found in a text. */
export interface ExtractedJson {
  readonly value: unknown;
  /** What had to be done to the text, each as a phrase; empty where it was JSON. */
  readonly repairs: readonly string[];
}

/**
 * The JSON value in a model's answer: the answer itself, or cut out of a code fence or the prose around it, and mended where
 * it is broken (quotes, commas, brackets that were never closed). Keys such as `__proto__` stay plain keys.
 *
 * @throws SyntaxError where there is none, or it is larger than 8 MiB or deeper than 200 levels
 *
 * @example
 * ```ts
 * extractJson("Here you are: {severity: 'low'}");
 * // { value: { severity: "low" }, repairs: ["cut the JSON out of the text around it", "mended the JSON"] }
 * ```
 */
export function extractJson(text: string): ExtractedJson {
  const bytes = Buffer.byteLength(text);
  if (bytes > largestBytes) throw new SyntaxError(`the answer has ${bytes} bytes; at most ${largestBytes} are read`);
  const whole = parse(text);
  if (whole) return checked(whole.value, []);
  const { json, repairs } = cutOutJson(text);
  const cut = parse(json);
  if (cut) return checked(cut.value, repairs);
  const value = mend(json);
  const phrase = typeof value === "string" ? "took the text as a JSON string" : "mended the JSON";
  return checked(value, [...repairs, phrase]);
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function mend(text: string): unknown {
  if (text.length > largestMendedCharacters)
    throw new SyntaxError(
      `the answer is no JSON, and its ${text.length} characters are more than the ${largestMendedCharacters} that are mended`,
    );
  try {
    return JSON.parse(jsonrepair(text));
  } catch (error) {
    throw new SyntaxError(`the answer is no JSON and cannot be mended: ${(error as Error).message}`, { cause: error });
  }
}

/** What is nested deeper would overflow the stack of whoever walks over it. */
function checked(value: unknown, repairs: readonly string[]): ExtractedJson {
  let level = 0;
  for (
    let objects = [value].filter(isObject);
    objects.length > 0;
    objects = objects.flatMap((object) => Object.values(object)).filter(isObject)
  )
    if (++level > deepestLevel) throw new SyntaxError(`the answer is nested deeper than ${deepestLevel} levels`);
  return { value, repairs };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** A part of a text that may be JSON, and how it was found. */
export interface JsonCut {
  readonly json: string;
  readonly repairs: readonly string[];
}

/** Brackets in prose that are never closed are passed over, but not without end. */
const mostUnclosed = 8;
/** The longest blocks behind fences that are read as JSON. */
const mostBlocks = 64;
/** What a JSON text can begin with. */
const beginning = /^[[{"\dtfn-]/;
/** A fence ends its line, whatever stands before it: one inside a JSON string does not. */
const fence = /```(?<language>\w*)[ \t]*$/gm;
const closers: Readonly<Record<string, string>> = { "{": "}", "[": "]" };

/**
 * What looks most like the JSON of an answer: after the reasoning that some models write down, inside a code fence, or the
 * longest bracketed part. The text itself where nothing does.
 */
function cutOutJson(text: string): JsonCut {
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
    if (isJson(json)) return { json, repairs };
  }
  const bracketed = longestBracketed(json);
  if (bracketed !== undefined && bracketed.length < json.length) {
    json = bracketed;
    repairs.push("cut the JSON out of the text around it");
  }
  return { json, repairs };
}

/** The longest fenced block that is JSON, else the longest that begins like it. */
function insideFence(text: string): string | undefined {
  const blocks = fencedBlocks(text)
    .filter((block) => beginning.test(block))
    .sort((a, b) => b.length - a.length)
    .slice(0, mostBlocks);
  return blocks.find(isJson) ?? blocks.find((block) => closers[block[0] as string]);
}

/** What stands behind each fence, up to one that can close it: nobody can tell a closing fence from an opening one. */
function fencedBlocks(text: string): string[] {
  const blocks: string[] = [];
  let starts: number[] = [];
  for (const { 0: mark, index, groups } of text.matchAll(fence)) {
    if (groups?.["language"] === "") {
      blocks.push(...starts.map((start) => text.slice(start, index)));
      starts = [];
    }
    starts.push(index + mark.length);
  }
  return [...blocks, ...starts.map((start) => text.slice(start))].map((block) => block.trim());
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
