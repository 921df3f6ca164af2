import type { Pace } from "../core/pace.ts";
import { readNumber, readWord } from "./json-scalars.ts";
import {
  closersOf,
  isKeyAhead,
  type Place as PlaceOfScalar,
  readString,
  type Scalar,
  spaceEnd,
} from "./json-strings.ts";

/**
 * Job: read one JSON value that begins at a place in a text, and say where it ends, in time linear in what it reads.
 * Boundary: decides neither where to begin nor which of several values is the answer.
 * Invariants:
 * 1. Strict reading takes what JSON.parse takes, and nothing else.
 * 2. Lenient reading changes syntax, never content. What can be read in two ways is a fault.
 * 3. A number keeps its digits: it is text where a double would round it past 2^53, and 1e400 is a fault.
 */

/** A value that was read. */
export interface JsonRead {
  readonly value: unknown;
  /** Index after the value. */
  readonly end: number;
  /** Each change of syntax, as a phrase; empty for JSON. */
  readonly mends: readonly string[];
  /** Facts that JSON allows and the reader of an answer should know, such as a key that stands twice. */
  readonly notes: readonly string[];
  /** True if an object has a key twice: a bracket may be missing between the two. */
  readonly hasKeyTwice: boolean;
}

/** The reason why no value could be read. */
export interface JsonFault {
  readonly fault: string;
  /** Index after the last character that was looked at. */
  readonly reached: number;
  /** Index of the innermost bracket that was open. */
  readonly innermost: number;
  /** True once an object had a key. Prose in brackets has none. */
  readonly isJsonLike: boolean;
  /** True where lenient reading fails too. */
  readonly isHopeless: boolean;
}

/** Deeper values would overflow the stack of later walks. */
const deepestLevel = 200;

export const closedTheWhole = "added the missing last bracket";

/** Place in a text: index of its first character, and the index after its last. */
export type Place = readonly [start: number, end: number];

/**
 * Reads the JSON value that begins at `start`; leniently also one that is not quite JSON.
 *
 * @param places takes the place of each leaf, by JSON pointer; that of a string is without its quotes
 */
export async function readJson(
  text: string,
  start: number,
  isLenient: boolean,
  pace: Pace,
  places?: Map<string, Place>,
): Promise<JsonRead | JsonFault> {
  if (pace.spend(0)) await pace.turn();
  const reader = new JsonReader(text, start, isLenient, places);
  while (!reader.readOn(pace)) await pace.turn();
  return reader.result();
}

const failed = Symbol("failed");

/** An object or a list that is open. */
interface Frame {
  readonly container: Record<string, unknown> | unknown[];
  /** Index of the bracket around it. */
  readonly outer: number;
  /** Key of the member that is read; undefined in a list. */
  key: string | undefined;
}

/** Steps of a value beside those of its characters. */
const stepsOfValue = 8;

const noColon = "a key without a colon";

/** A reader of more facts would read none. */
const mostNotes = 20;

class JsonReader {
  readonly #text: string;
  readonly #isLenient: boolean;
  #mends: Set<string> | undefined;
  #notes: Set<string> | undefined;
  #at: number;
  #reached = 0;
  #fault = "";
  #innermost: number;
  #isJsonLike = false;
  #hasColon = false;
  /** Keys that stand twice in one object. */
  #twice: Set<string> | undefined;
  readonly #frames: Frame[] = [];
  readonly #places: Map<string, Place> | undefined;
  #value: unknown;

  constructor(text: string, start: number, isLenient: boolean, places: Map<string, Place> | undefined) {
    this.#places = places;
    this.#text = text;
    this.#at = start;
    this.#innermost = start;
    this.#isLenient = isLenient;
  }

  /** Reads on to the end of the value, where it returns true, or of the slice. */
  readOn(pace: Pace): boolean {
    for (;;) {
      const from = this.#at;
      const goesOn = this.#valueAndNext();
      const isDue = pace.spend(Math.max(this.#at, this.#reached) - from + stepsOfValue);
      if (!goesOn) return true;
      if (isDue) return false;
    }
  }

  result(): JsonRead | JsonFault {
    // A bracket or a quote that is missing puts members into another object.
    if (this.#twice && this.#mends) this.#fail("a key that stands twice in JSON with other faults");
    if (this.#fault === "")
      return {
        value: this.#value,
        end: this.#at,
        mends: [...(this.#mends ?? [])],
        notes: [...(this.#notes ?? []), ...[...(this.#twice ?? [])].map(describeTwice)].slice(0, mostNotes),
        hasKeyTwice: this.#twice !== undefined,
      };
    const reached = Math.max(this.#reached, this.#at);
    const isHopeless = !this.#hasColon && this.#fault === noColon && !/[/#]/.test(this.#text[this.#at] ?? "");
    return { fault: this.#fault, reached, innermost: this.#innermost, isJsonLike: this.#isJsonLike, isHopeless };
  }

  /** Reads a value, or the beginning of one that holds others, up to where the next begins. False if none does. */
  #valueAndNext(): boolean {
    const code = this.#text.charCodeAt(this.#at);
    const start = this.#at;
    if (code !== 0x7b && code !== 0x5b) {
      const scalar = this.#scalarAt(code);
      if (this.#places && scalar !== failed) this.#place(this.#places, start);
      return this.#next(scalar);
    }
    if (this.#frames.length === deepestLevel) return this.#tooDeep();
    const outer = this.#innermost;
    const isList = code === 0x5b;
    this.#innermost = this.#at++;
    const container = isList ? [] : {};
    if (!this.#space()) return false;
    if (this.#take(code + 2)) {
      if (this.#places) this.#place(this.#places, start);
      this.#innermost = outer;
      return this.#next(container);
    }
    const first = this.#text.charCodeAt(this.#at);
    if (first === 0x2c || (!isList && (first === 0x22 || first === 0x27 || first === 0x201c))) this.#isJsonLike = true;
    const frame: Frame = { container, outer, key: undefined };
    this.#frames.push(frame);
    return isList || this.#keyOf(frame);
  }

  /** Notes the place of the leaf that began at `start`. */
  #place(places: Map<string, Place>, start: number): void {
    const steps = this.#frames.map(({ container, key }) =>
      key === undefined ? `/${(container as unknown[]).length}` : `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`,
    );
    const isQuoted = this.#at - start > 2 && (this.#text[start] as string) in closersOf;
    places.set(steps.join(""), isQuoted ? [start + 1, this.#at - 1] : [start, this.#at]);
  }

  #scalarAt(code: number): unknown {
    const frame = this.#frames.at(-1);
    const place = frame ? (frame.key === undefined ? "array" : "object") : "root";
    if (code === 0x22) return this.#scalar(readString(this.#text, this.#at, place, this.#isLenient));
    if ((code >= 0x30 && code <= 0x39) || code === 0x2d) return this.#number(place);
    return this.#scalar(readWord(this.#text, this.#at, place, this.#isLenient));
  }

  /** Puts a value into what holds it, and reads to where the next one begins. */
  #next(read: unknown): boolean {
    let value = read;
    while (value !== failed) {
      const frame = this.#frames.at(-1);
      if (!frame) {
        this.#value = value;
        return false;
      }
      const { container, key, outer } = frame;
      if (key === undefined) (container as unknown[]).push(value);
      else this.#set(container as Record<string, unknown>, key, value);
      const state = this.#afterValue(value, key === undefined);
      if (state === "next") return key === undefined || this.#keyOf(frame);
      if (state === "fault") return false;
      this.#innermost = outer;
      this.#frames.pop();
      value = container;
    }
    return false;
  }

  /** Reads the comma or the bracket after a value. */
  #afterValue(value: unknown, isList: boolean): "next" | "end" | "fault" {
    const closing = isList ? 0x5d : 0x7d;
    const end = this.#at;
    if (!this.#space()) return "fault";
    if (this.#take(0x2c)) {
      if (!this.#space()) return "fault";
      if (!this.#isLenient || !this.#take(closing)) return "next";
      this.#mend("removed a trailing comma");
      return "end";
    }
    if (this.#take(closing)) return "end";
    if (this.#isWholeButForItsBracket(end)) {
      this.#at = end;
      this.#mend(closedTheWhole);
      return "end";
    }
    const isNext = isList
      ? typeof value === "object" && /[[{]/.test(this.#text[this.#at] ?? "")
      : this.#hasLineEnd(end) && isKeyAhead(this.#text, this.#at);
    if (this.#isLenient && isNext) {
      this.#mend("added a missing comma");
      return "next";
    }
    this.#fail(isList ? "neither a comma nor a bracket after an item" : "neither a comma nor a brace after a value");
    return "fault";
  }

  /** Reads a key, its colon and the space after it. */
  #keyOf(frame: Frame): boolean {
    const isKey = this.#text.charCodeAt(this.#at) === 0x22 || this.#isLenient;
    const key = isKey ? this.#scalar(readString(this.#text, this.#at, "key", this.#isLenient)) : this.#fail("no key");
    if (key === failed || !this.#space()) return false;
    if (!this.#take(0x3a)) {
      // After a word, a bracket or a quote is the value of a key whose colon is missing.
      if (/[{["'“]/.test(this.#text[this.#at] ?? "")) this.#isJsonLike = true;
      return this.#fail(noColon) !== failed;
    }
    this.#isJsonLike = true;
    this.#hasColon = true;
    frame.key = key as string;
    return this.#space();
  }

  #scalar(scalar: Scalar): unknown {
    if (scalar.fault !== undefined) return this.#fail(scalar.fault, scalar.end);
    if (scalar.mends) for (const mend of scalar.mends) this.#mend(mend);
    if (scalar.note !== undefined) this.#note(scalar.note);
    this.#at = scalar.end;
    return scalar.value;
  }

  /** Reads a short whole number without a look at its text. */
  #number(place: PlaceOfScalar): unknown {
    let [at, value] = [this.#at, 0];
    for (let code = this.#text.charCodeAt(at); code >= 0x30 && code <= 0x39; code = this.#text.charCodeAt(++at))
      value = value * 10 + code - 0x30;
    const length = at - this.#at;
    const isPlain = length > 0 && length < 16 && (length === 1 || this.#text.charCodeAt(this.#at) !== 0x30);
    const next = this.#text.charCodeAt(at);
    // A closing bracket or a line end, after which a number cannot go on.
    if (
      !isPlain ||
      !(next === 0x5d || next === 0x7d || next === 0x0a || (next === 0x2c && !(this.#isLenient && place === "object")))
    )
      return this.#scalar(readNumber(this.#text, this.#at, place, this.#isLenient));
    this.#at = at;
    return value;
  }

  #tooDeep(): boolean {
    this.#isJsonLike = true;
    return this.#fail(`nested deeper than ${deepestLevel} levels`) !== failed;
  }

  /** The text ends here, or goes on in prose on another line. A number at the very end may have been cut off. */
  #isWholeButForItsBracket(end: number): boolean {
    if (!this.#isLenient || this.#frames.length > 1) return false;
    const { length } = this.#text;
    if (this.#at >= length) return end < length || !/\d/.test(this.#text[end - 1] ?? "");
    if (!this.#hasLineEnd(end) || !/[\p{L}*#>-]/u.test(this.#text[this.#at] as string)) return false;
    this.#reached = length;
    return !/[{}[\]"]/.test(this.#text.slice(this.#at));
  }

  #hasLineEnd(from: number): boolean {
    return this.#text.slice(from, this.#at).includes("\n");
  }

  #set(object: Record<string, unknown>, key: string, value: unknown): void {
    if (Object.hasOwn(object, key)) {
      this.#twice ??= new Set();
      if (this.#twice.size < mostNotes) this.#twice.add(key);
    }
    if (key !== "__proto__") object[key] = value;
    else Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  }

  /** Skips white space, and comments where reading is lenient. False for a comment that never ends. */
  #space(): boolean {
    for (;;) {
      this.#at = spaceEnd(this.#text, this.#at, this.#isLenient);
      const code = this.#text.charCodeAt(this.#at);
      if (!this.#isLenient || (code !== 0x2f && code !== 0x23)) return true;
      const isLine = code === 0x23 || this.#text.startsWith("//", this.#at);
      if (!isLine && !this.#text.startsWith("/*", this.#at)) return true;
      const end = this.#text.indexOf(isLine ? "\n" : "*/", this.#at + 2);
      if (!isLine && end < 0) return this.#fail("a comment that never ends", this.#text.length) !== failed;
      const start = this.#at;
      this.#at = end < 0 ? this.#text.length : end + (isLine ? 1 : 2);
      // A string that lost its first quote may look like a comment.
      if (this.#text.slice(start, this.#at).includes('"')) return this.#fail("a comment with a quote") !== failed;
      this.#mend("left out a comment");
    }
  }

  #take(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false;
    this.#at++;
    return true;
  }

  #mend(mend: string): void {
    this.#mends ??= new Set();
    this.#mends.add(mend);
  }

  #note(note: string): void {
    this.#notes ??= new Set();
    if (this.#notes.size < mostNotes) this.#notes.add(note);
  }

  #fail(fault: string, reached = this.#at): typeof failed {
    this.#fault = fault;
    this.#reached = Math.max(this.#reached, reached);
    return failed;
  }
}

function describeTwice(key: string): string {
  const shown = JSON.stringify(key.length > 80 ? `${key.slice(0, 79)}…` : key);
  return `a key stands twice in one object; its last value counts: ${shown}`;
}
