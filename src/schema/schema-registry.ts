import type { JSONSchema } from "../core/json.ts";

/** The schemas that `schemaUri` may name, and those that were fetched: kept for the life of the process. */
export const schemas = new Map<string, JSONSchema | Promise<JSONSchema>>();
/** From where `schemaUri` may fetch others. */
export const allowedHosts = new Set<string>();

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
