import { InvalidOptionsError } from "../core/errors.ts";
import type { JSONSchema } from "../core/json.ts";
import { lazily } from "../core/lazily.ts";
import { nearest } from "../core/nearest.ts";
import { allowedHosts, schemas } from "./schema-registry.ts";

/**
 * Job: find the JSON schema that `schemaUri` names.
 * Boundary: fetches nothing but from hosts that the program allowed.
 * Invariants:
 * 1. A registered schema comes before a host, whatever its URI looks like.
 * 2. A fetch that failed is not kept.
 */

const loadFetchSchema = lazily(() => import("./fetch-schema.ts"));

/** @throws InvalidOptionsError for a URI that is neither registered nor on an allowed host, or that gives no JSON schema */
export async function resolveSchemaUri(uri: string): Promise<JSONSchema> {
  const known = schemas.get(uri);
  if (known) return known;
  const url = URL.parse(uri);
  if (url?.protocol !== "https:" || !allowedHosts.has(url.host)) throw unknownSchema(uri);
  const fetched = loadFetchSchema().then(({ fetchSchema }) => fetchSchema(url));
  schemas.set(uri, fetched);
  fetched.catch(() => schemas.delete(uri));
  return fetched;
}

function unknownSchema(uri: string): InvalidOptionsError {
  const guess = nearest(uri, schemas.keys());
  const registered = [...schemas.keys()].join(", ") || "none so far";
  const allowed =
    `a schema registered by client.registerSchema(uri, schema) (${registered}), ` +
    `or an https URL of a host allowed by allowSchemaHost(host)${guess ? `; did you mean "${guess}"?` : ""}`;
  return new InvalidOptionsError([{ path: "toolOptions.schemaUri", given: uri, allowed }]);
}
