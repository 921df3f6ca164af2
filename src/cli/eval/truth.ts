import type { CompareOptions } from "../../contract/bundle-options.ts";
import { summarize } from "../../evidence/summary.ts";
import { CommandError } from "../faults.ts";

/** Part of an answer, and the column of the input that says what it has to be. */
export interface Truth {
  /** JSON pointer of the part; `""` for the whole answer. */
  readonly pointer: string;
  readonly column: string;
}

/**
 * Reads `--truth`: `severity` is the field and the column of that name, `severity=expected` and `/a/b=expected` name both.
 * Where answers are a single value, a name is the column of the whole.
 */
export function parseTruths(texts: readonly string[], hasFields: boolean): Truth[] {
  return texts.map((text) => {
    const at = text.lastIndexOf("=");
    const field = at < 0 ? text : text.slice(0, at);
    const column = at < 0 ? text.replace(/^\//, "") : text.slice(at + 1);
    if (column === "") throw new CommandError(`--truth ${text} names no column.`);
    if (!hasFields && at >= 0 && field !== "")
      throw new CommandError(`--truth ${text}: the answers are single values, without fields. Give the column alone.`);
    const pointer = field.startsWith("/") ? field : `/${field.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    return { pointer: hasFields && field !== "" ? pointer : "", column };
  });
}

/** @throws CommandError for an input that does not say what is right */
export function truthOf(input: unknown, { column }: Truth, place: string): unknown {
  const value = (input as Record<string, unknown> | null)?.[column];
  if (value !== undefined && value !== "") return value;
  const known = Object.keys((typeof input === "object" && input) || {});
  throw new CommandError(
    `${place} says nothing of what is right: it has no value at "${column}". It has ${known.length > 0 ? known.join(", ") : "no columns"}. Leave such inputs out, or name another column by --truth.`,
  );
}

/**
 * Returns true where an answer is what it has to be, compared as the tool compares answers: texts by what they say, numbers
 * with its tolerance. A list of truths for a single value stands for several right answers.
 */
export function isRight(answer: unknown, truth: unknown, { pointer }: Truth, compare: CompareOptions): boolean {
  const value = valueAt(answer, pointer);
  if (value === undefined) return false;
  const truths = Array.isArray(truth) && !Array.isArray(value) ? truth : [truth];
  return truths.some((each) => areSame(wrapped(value, pointer), wrapped(likeValue(each, value), pointer), compare));
}

function areSame(one: unknown, other: unknown, compare: CompareOptions): boolean {
  const replicates = [one, other].map((data, index) => ({ id: `r${index}`, data }));
  return summarize(replicates, compare).disagreements.length === 0;
}

/** Puts a value where it stands in the answer, so that the comparison of that place holds. */
function wrapped(value: unknown, pointer: string): unknown {
  const keys = keysOf(pointer).reverse();
  return keys.reduce((inner: unknown, key) => ({ [key]: inner }), value);
}

function valueAt(answer: unknown, pointer: string): unknown {
  return keysOf(pointer).reduce((at: any, key) => at?.[key], answer);
}

function keysOf(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** A table holds texts: of a number, a truth value or a JSON value they are read as such. */
function likeValue(truth: unknown, value: unknown): unknown {
  if (typeof value === "string") return typeof truth === "number" || typeof truth === "boolean" ? String(truth) : truth;
  if (typeof truth !== "string") return truth;
  const text = truth.trim();
  try {
    return JSON.parse(typeof value === "boolean" ? text.toLowerCase() : text);
  } catch {
    return truth;
  }
}
