import { InvalidOptionsError } from "../core/errors.ts";
import type { JSONSchema } from "../core/json.ts";
import { lazily } from "../core/lazily.ts";
import { allowedHosts, FetchedSchemas, registeredSchemas } from "./schema-registry.ts";

/**
 * Job: find the JSON schema that `schemaUri` names.
 * Boundary: fetches nothing but from hosts that the program allowed.
 * Invariants:
 * 1. A registered schema comes before a host, whatever its URI looks like.
 * 2. An error names the URI that was asked for, and no other: callers of one process must not read each other's.
 */

const loadFetchSchema = lazily(() => import("./fetch-schema.ts"));

const fetched = new FetchedSchemas(async (url) => {
  const { fetchSchema } = await loadFetchSchema();
  return fetchSchema(url);
});

/** @throws InvalidOptionsError for a URI that is neither registered nor on an allowed host, or that gives no JSON schema */
export async function resolveSchemaUri(uri: string): Promise<JSONSchema> {
  const known = registeredSchemas.get(uri);
  if (known) return known;
  const url = URL.parse(uri);
  if (url?.protocol !== "https:" || !allowedHosts.has(url.host)) throw unknownSchema(uri);
  return fetched.get(url);
}

function unknownSchema(uri: string): InvalidOptionsError {
  const allowed =
    "a schema registered by client.registerSchema(uri, schema), or an https URL of a host allowed by allowSchemaHost(host)";
  return new InvalidOptionsError([{ path: "toolOptions.schemaUri", given: uri, allowed }]);
}
