/** A value that survives `JSON.parse(JSON.stringify(value))`. */
export type JSONValue = null | string | number | boolean | JSONObject | JSONValue[];
/** An object of JSON values. */
export type JSONObject = { [key: string]: JSONValue | undefined };

/** A JSON schema, draft 2020-12 unless it says otherwise. */
export type JSONSchema = { readonly [key: string]: unknown };

/** Returns true of a text that is one whole JSON value. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
