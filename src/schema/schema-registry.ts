import { InvalidOptionsError } from "../core/errors.ts";
import type { JSONSchema } from "../core/json.ts";
import { nearest } from "../core/nearest.ts";

/**
 * Job: know the JSON schemas that `schemaUri` may name.
 * Boundary: fetches nothing but from hosts that the program allowed; a fetched schema is kept for the life of the process.
 * Invariants:
 * 1. A registered schema comes before a host, whatever its URI looks like.
 * 2. A fetch that failed is not kept.
 */

const schemas = new Map<string, JSONSchema | Promise<JSONSchema>>();
const allowedHosts = new Set<string>();

/**
 * Makes a JSON schema known under a URI, for `schemaUri`. Registering again replaces it.
 *
 * @example
 * ```ts
 * registerSchema("https://example.com/triage.json", { type: "object", required: ["severity"] });
 * ```
 */
export function registerSchema(uri: string, schema: JSONSchema): void {
  schemas.set(uri, schema);
}

/**
 * Lets `schemaUri` fetch from this host (`schemas.example.com`, with its port where it is not 443): by https, from public
 * addresses, without redirects, at most 1 MiB in 5 s.
 */
export function allowSchemaHost(host: string): void {
  allowedHosts.add(host.toLowerCase());
}

/** @throws InvalidOptionsError for a URI that is neither registered nor on an allowed host, or that gives no JSON schema */
export async function resolveSchemaUri(uri: string): Promise<JSONSchema> {
  const known = schemas.get(uri);
  if (known) return known;
  const url = URL.parse(uri);
  if (url?.protocol !== "https:" || !allowedHosts.has(url.host)) throw unknownSchema(uri);
  const fetched = import("./fetch-schema.ts").then(({ fetchSchema }) => fetchSchema(url));
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
