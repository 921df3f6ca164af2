/** A value that survives `JSON.parse(JSON.stringify(value))`. */
export type JSONValue = null | string | number | boolean | JSONObject | JSONValue[];
/** An object of JSON values. */
export type JSONObject = { [key: string]: JSONValue | undefined };

/** A JSON schema, draft 2020-12 unless it says otherwise. */
export type JSONSchema = { readonly [key: string]: unknown };

/** Replacer for `JSON.stringify`: tells bytes by their size, and writes a `BigInt` as text. */
export function withoutBytes(_key: string, value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  return typeof value === "bigint" ? String(value) : value;
}

/** Returns true of a text that is one whole JSON value. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
