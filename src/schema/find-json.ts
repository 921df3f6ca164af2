import type { Pace } from "../core/pace.ts";
import { readJson } from "./json-reader.ts";

/**
 * Job: find every outermost JSON object and list in a text, in time linear in the text.
 * Boundary: decides nothing about which one is the answer.
 * Invariants:
 * 1. A part of a whole that cannot be read is never found by itself.
 * 2. All attempts together look at a bounded number of characters for each character of the text.
 */

/** An object or a list in a text, or what began like one and cannot be read. */
export interface JsonWhole {
  readonly start: number;
  /** Index after it. */
  readonly end: number;
  readonly value?: unknown;
  readonly mends: readonly string[];
  readonly notes: readonly string[];
  readonly hasKeyTwice?: boolean;
  /** The reason why it cannot be read; absent where it was. */
  readonly fault?: string;
  /** The text that it was read from, to its end or to that of its code fence. */
  readonly region?: string;
  /** It was read leniently. */
  readonly isLenient?: boolean;
}

/** Characters that may be looked at for each character of the text, before the rest is left unread. */
const strictEffort = 8;
const lenientEffort = 3;

/** Finds the wholes of a text one after the other. */
export class JsonScanner {
  readonly #text: string;
  readonly #pace: Pace;
  #strictSteps: number;
  #lenientSteps: number;
  #fence = -1;

  constructor(text: string, pace: Pace) {
    this.#text = text;
    this.#pace = pace;
    this.#strictSteps = strictEffort * (text.length + 1_000);
    this.#lenientSteps = lenientEffort * (text.length + 1_000);
  }

  /** True once the text was too tangled to be read to its end. */
  get isExhausted(): boolean {
    return this.#strictSteps < 0;
  }

  /** Returns the first whole that begins at `from` or later. */
  async next(from: number): Promise<JsonWhole | undefined> {
    for (let at = from; !this.isExhausted; ) {
      const start = this.#nextBracket(at);
      const skipped = (start < 0 ? this.#text.length : start) - at;
      this.#strictSteps -= skipped;
      if (this.#pace.spend(skipped)) await this.#pace.turn();
      if (start < 0) return undefined;
      const found = await this.#wholeAt(start);
      if (typeof found !== "number") return found;
      at = found;
    }
    return undefined;
  }

  #nextBracket(from: number): number {
    for (let at = from; at < this.#text.length; at++) {
      const code = this.#text.charCodeAt(at);
      if ((code === 0x7b || code === 0x5b) && mayBegin(code, this.#text.charCodeAt(at + 1))) return at;
    }
    return -1;
  }

  /** Reads the whole at a bracket; where that is none, returns the index at which to go on. */
  async #wholeAt(start: number): Promise<JsonWhole | number> {
    // A line that begins with a fence ends whatever stands before it: JSON strings have no raw line ends.
    const region = this.#regionAt(start);
    const strict = await readJson(region, start, false, this.#pace);
    if (!("fault" in strict)) {
      this.#strictSteps -= strict.end - start;
      return { start, region, isLenient: false, ...strict };
    }
    this.#strictSteps -= strict.reached - start + 1;
    const isWorthIt = this.#lenientSteps > 0 && !strict.isHopeless;
    const lenient = isWorthIt ? await readJson(region, start, true, this.#pace) : strict;
    if (!("fault" in lenient)) {
      this.#lenientSteps -= lenient.end - start;
      return { start, region, isLenient: true, ...lenient };
    }
    this.#lenientSteps -= lenient.reached - start + 1;
    if (!strict.isJsonLike && !lenient.isJsonLike) return strict.innermost + 1;
    if (this.#pace.spend(0)) await this.#pace.turn();
    const end = Math.max(closingBracket(region, start), lenient.innermost + 1);
    this.#strictSteps -= end - start;
    if (this.#pace.spend(end - start)) await this.#pace.turn();
    const { fault } = lenient.isJsonLike ? lenient : strict;
    return { start, end, mends: [], notes: [], fault };
  }

  #regionAt(start: number): string {
    if (this.#fence < start) {
      this.#fence = this.#text.indexOf("\n```", start);
      if (this.#fence < 0) this.#fence = this.#text.length;
    }
    return this.#fence === this.#text.length ? this.#text : this.#text.slice(0, this.#fence + 1);
  }
}

/** Tells by the character after a bracket whether JSON can begin there. Digits and white space leave it open. */
function mayBegin(bracket: number, next: number): boolean {
  if (bracket === next) return next === 0x5b;
  return next !== 0x29 && next !== 0x2e && next !== 0x3a && next !== 0x3d && !Number.isNaN(next);
}

/** Index after the bracket that closes the one at `start`; the end of the text if none does. */
function closingBracket(text: string, start: number): number {
  const expected: number[] = [];
  let quote = 0;
  let previous = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (quote !== 0) {
      if (code === 0x5c) at++;
      else if (code === quote) quote = 0;
    } else if ((code === 0x22 || code === 0x27) && beforeString.has(previous)) quote = code;
    // The code of a closing bracket is that of its opening one, and two.
    else if (code === 0x7b || code === 0x5b) expected.push(code + 2);
    else if (code === expected.at(-1) && expected.pop() && expected.length === 0) return at + 1;
    if (code > 0x20) previous = code;
  }
  return text.length;
}

/** Characters after which a quote begins a string: brackets, commas and colons. */
const beforeString = new Set([0x7b, 0x5b, 0x2c, 0x3a]);
