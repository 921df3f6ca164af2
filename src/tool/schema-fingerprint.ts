import { fingerprint } from "../core/canonical.ts";
import type { JSONSchema } from "../core/json.ts";

/** A tool asks under one schema again and again. */
const known = new WeakMap<JSONSchema, string | undefined>();

/** What tells schemas apart; `undefined` for one that has no canonical form, with an infinite limit in it for example. */
export function schemaFingerprint(schema: JSONSchema): string | undefined {
  if (!known.has(schema)) known.set(schema, tryFingerprint(schema));
  return known.get(schema);
}

function tryFingerprint(schema: JSONSchema): string | undefined {
  try {
    return fingerprint(schema);
  } catch {
    return undefined;
  }
}
