import { isDeepStrictEqual } from "node:util";
import type { JSONValue } from "../../core/json.ts";
import { asJsonData, readJsonData, toJsonData } from "../../schema/json-data.ts";
import type { ResolvedSchema } from "../../schema/resolve.ts";

/** Answer as the schema gives it, and the JSON that stands for it. */
export interface Answer {
  readonly data: unknown;
  readonly json: JSONValue;
  /** Rank that the tool's check gives it among others. */
  readonly score?: number | undefined;
}

/**
 * Finds the JSON that stands for an output of a schema. Votes are taken on it, stores keep it, and the schema makes the
 * output of it again. It is, by turns:
 *
 * 1. the output, where that is JSON which the schema takes unchanged. Defaults, trims and coercions are in it.
 * 2. what was written, with those parts of the output that the schema takes unchanged: beside a `Date`, a default still
 *    counts as the value that it fills in.
 * 3. what was written.
 *
 * @throws TypeError where the output is of something that has no JSON form
 */
export async function answerOf(schema: ResolvedSchema, written: unknown, output: unknown): Promise<Answer> {
  const plain = await readJsonData(output);
  if (plain !== undefined && (isDeepStrictEqual(plain, written) || (await gives(schema, plain, plain)))) {
    return { data: plain, json: plain };
  }
  const json = toJsonData(written);
  for (const candidate of [merge(json, output, true), merge(json, output, false)]) {
    if (isDeepStrictEqual(candidate, json)) break;
    if (await gives(schema, candidate, output)) return { data: output, json: candidate };
  }
  if (json === written || (await gives(schema, json, output))) return { data: output, json };
  const own = toJsonData(output);
  return { data: own, json: own };
}

/** Tells whether the schema makes this output of a value. A schema may throw at a value that no model wrote. */
async function gives(schema: ResolvedSchema, value: JSONValue, output: unknown): Promise<boolean> {
  try {
    const checked = await schema.check(value);
    return checked.ok && isSame(checked.value, output);
  } catch {
    return false;
  }
}

/** Tells whether two outputs of a schema are equal. In JSON, a property that is `undefined` is not there. */
export function isSame(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(one, other) || isDeepStrictEqual(asJsonData(one) ?? one, asJsonData(other) ?? other);
}

/**
 * Takes the parts of an output that are JSON, and of the others what was written there.
 *
 * @param takesAnyKind false to take only values of the kind that was written: of a number made from a text, the text
 */
function merge(written: JSONValue | undefined, output: unknown, takesAnyKind: boolean): JSONValue {
  if (isObject(written) && isObject(output)) {
    const parts = Object.entries(output).flatMap(([key, value]) => {
      const part = Object.hasOwn(written, key) ? merge(written[key], value, takesAnyKind) : asJsonData(value);
      return part === undefined ? [] : [[key, part] as const];
    });
    return Object.fromEntries(parts);
  }
  if (Array.isArray(written) && Array.isArray(output) && written.length === output.length) {
    return written.map((item, index) => merge(item, output[index], takesAnyKind));
  }
  const own = asJsonData(output);
  const isTaken = own !== undefined && (takesAnyKind || typeof own === typeof written);
  return isTaken ? own : (written as JSONValue);
}

function isObject(value: unknown): value is Record<string, JSONValue> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
