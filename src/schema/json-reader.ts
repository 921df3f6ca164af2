import { readNumber, readWord } from "./json-scalars.ts";
import { isKeyAhead, type Place, readString, type Scalar, spaceEnd } from "./json-strings.ts";

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

/** Reads the JSON value that begins at `start`; leniently also one that is not quite JSON. */
export function readJson(text: string, start: number, isLenient: boolean): JsonRead | JsonFault {
  return new JsonReader(text, start, isLenient).read();
}

const failed = Symbol("failed");

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
  #hasKeyTwice = false;

  constructor(text: string, start: number, isLenient: boolean) {
    this.#text = text;
    this.#at = start;
    this.#innermost = start;
    this.#isLenient = isLenient;
  }

  read(): JsonRead | JsonFault {
    let value = this.#value(0, "root");
    // A bracket or a quote that is missing puts members into another object.
    if (this.#hasKeyTwice && this.#mends) value = this.#fail("a key that stands twice in JSON with other faults");
    if (value !== failed)
      return {
        value,
        end: this.#at,
        mends: [...(this.#mends ?? [])],
        notes: [...(this.#notes ?? [])],
        hasKeyTwice: this.#hasKeyTwice,
      };
    const reached = Math.max(this.#reached, this.#at);
    const isHopeless = !this.#hasColon && this.#fault === noColon && !/[/#]/.test(this.#text[this.#at] ?? "");
    return { fault: this.#fault, reached, innermost: this.#innermost, isJsonLike: this.#isJsonLike, isHopeless };
  }

  #value(depth: number, place: Place): unknown {
    const code = this.#text.charCodeAt(this.#at);
    if (code === 0x7b) return this.#object(depth);
    if (code === 0x5b) return this.#array(depth);
    if (code === 0x22) return this.#scalar(readString(this.#text, this.#at, place, this.#isLenient));
    if ((code >= 0x30 && code <= 0x39) || code === 0x2d) return this.#number(place);
    return this.#scalar(readWord(this.#text, this.#at, place, this.#isLenient));
  }

  #scalar(scalar: Scalar): unknown {
    if (scalar.fault !== undefined) return this.#fail(scalar.fault, scalar.end);
    if (scalar.mends) for (const mend of scalar.mends) this.#mend(mend);
    if (scalar.note !== undefined) this.#note(scalar.note);
    this.#at = scalar.end;
    return scalar.value;
  }

  /** Reads a short whole number without a look at its text. */
  #number(place: Place): unknown {
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

  #object(depth: number): unknown {
    if (depth === deepestLevel) return this.#tooDeep();
    const outer = this.#innermost;
    this.#innermost = this.#at++;
    const object: Record<string, unknown> = {};
    if (!this.#space()) return failed;
    if (this.#take(0x7d)) return this.#closed(outer, object);
    if (/["'“,]/.test(this.#text[this.#at] ?? "")) this.#isJsonLike = true;
    for (;;) {
      const key = this.#key();
      if (key === failed || !this.#space()) return failed;
      if (!this.#take(0x3a)) return this.#withoutColon();
      this.#isJsonLike = true;
      this.#hasColon = true;
      if (!this.#space()) return failed;
      const value = this.#value(depth + 1, "object");
      if (value === failed) return failed;
      this.#set(object, key as string, value);
      const end = this.#at;
      if (!this.#space()) return failed;
      if (this.#take(0x2c)) {
        if (!this.#space()) return failed;
        if (this.#isLenient && this.#take(0x7d)) return this.#closed(outer, object, "removed a trailing comma");
      } else if (this.#take(0x7d)) return this.#closed(outer, object);
      else if (this.#isWholeButForItsBracket(depth, end)) return this.#closedAt(end, outer, object);
      else if (this.#isLenient && this.#hasLineEnd(end) && isKeyAhead(this.#text, this.#at))
        this.#mend("added a missing comma");
      else return this.#fail("neither a comma nor a brace after a value");
    }
  }

  #array(depth: number): unknown {
    if (depth === deepestLevel) return this.#tooDeep();
    const outer = this.#innermost;
    this.#innermost = this.#at++;
    const array: unknown[] = [];
    if (!this.#space()) return failed;
    if (this.#take(0x5d)) return this.#closed(outer, array);
    if (this.#text[this.#at] === ",") this.#isJsonLike = true;
    for (;;) {
      const value = this.#value(depth + 1, "array");
      if (value === failed) return failed;
      array.push(value);
      const end = this.#at;
      if (!this.#space()) return failed;
      if (this.#take(0x2c)) {
        if (!this.#space()) return failed;
        if (this.#isLenient && this.#take(0x5d)) return this.#closed(outer, array, "removed a trailing comma");
      } else if (this.#take(0x5d)) return this.#closed(outer, array);
      else if (this.#isWholeButForItsBracket(depth, end)) return this.#closedAt(end, outer, array);
      else if (this.#isLenient && typeof value === "object" && /[[{]/.test(this.#text[this.#at] ?? ""))
        this.#mend("added a missing comma");
      else return this.#fail("neither a comma nor a bracket after an item");
    }
  }

  /** After a word, a bracket or a quote is the value of a key whose colon is missing. */
  #withoutColon(): typeof failed {
    if (/[{["'“]/.test(this.#text[this.#at] ?? "")) this.#isJsonLike = true;
    return this.#fail(noColon);
  }

  #tooDeep(): typeof failed {
    this.#isJsonLike = true;
    return this.#fail(`nested deeper than ${deepestLevel} levels`);
  }

  #closed(outer: number, value: object, mend?: string): object {
    this.#innermost = outer;
    if (mend) this.#mend(mend);
    return value;
  }

  #closedAt(end: number, outer: number, value: object): object {
    this.#at = end;
    return this.#closed(outer, value, closedTheWhole);
  }

  /** The text ends here, or goes on in prose on another line. A number at the very end may have been cut off. */
  #isWholeButForItsBracket(depth: number, end: number): boolean {
    if (!this.#isLenient || depth > 0) return false;
    const { length } = this.#text;
    if (this.#at >= length) return end < length || !/\d/.test(this.#text[end - 1] ?? "");
    if (!this.#hasLineEnd(end) || !/[\p{L}*#>-]/u.test(this.#text[this.#at] as string)) return false;
    this.#reached = length;
    return !/[{}[\]"]/.test(this.#text.slice(this.#at));
  }

  #hasLineEnd(from: number): boolean {
    return this.#text.slice(from, this.#at).includes("\n");
  }

  #key(): unknown {
    if (this.#text.charCodeAt(this.#at) === 0x22 || this.#isLenient) {
      const scalar = readString(this.#text, this.#at, "key", this.#isLenient);
      return this.#scalar(scalar);
    }
    return this.#fail("no key");
  }

  #set(object: Record<string, unknown>, key: string, value: unknown): void {
    if (Object.hasOwn(object, key)) {
      this.#hasKeyTwice = true;
      this.#note(`a key stands twice in one object; its last value counts: ${show(key)}`);
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

function show(key: string): string {
  return JSON.stringify(key.length > 80 ? `${key.slice(0, 79)}…` : key);
}
