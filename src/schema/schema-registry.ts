import { type Clock, systemClock } from "../core/clock.ts";
import type { JSONSchema } from "../core/json.ts";

/** Schemas that the program registered for `schemaUri`. */
export const registeredSchemas = new Map<string, JSONSchema>();
/** Hosts from which `schemaUri` may fetch others. */
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
  registeredSchemas.set(uri, schema);
}

/**
 * Lets `schemaUri` fetch from this host (`schemas.example.com`, with its port where it is not 443): by https, from public
 * addresses, without redirects, at most 1 MiB in 5 s. A fetched schema is kept for an hour.
 */
export function allowSchemaHost(host: string): void {
  allowedHosts.add(host.toLowerCase());
}

const keptMs = 3_600_000;
const mostKept = 100;

/**
 * Job: fetch a schema once for all that ask for it within an hour.
 * Boundary: knows no host and no transport.
 * Invariants:
 * 1. At most 100 schemas are kept; past that, the one that was fetched first is dropped.
 * 2. A fetch that failed is not kept.
 */
export class FetchedSchemas {
  readonly #fetch: (url: URL) => Promise<JSONSchema>;
  readonly #clock: Pick<Clock, "now">;
  readonly #kept = new Map<string, { readonly schema: Promise<JSONSchema>; readonly untilMs: number }>();

  constructor(fetch: (url: URL) => Promise<JSONSchema>, clock: Pick<Clock, "now"> = systemClock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  get(url: URL): Promise<JSONSchema> {
    const nowMs = this.#clock.now();
    for (const [href, { untilMs }] of this.#kept) if (untilMs <= nowMs) this.#kept.delete(href);
    const known = this.#kept.get(url.href);
    if (known) return known.schema;
    const fetched = { schema: this.#fetch(url), untilMs: nowMs + keptMs };
    this.#kept.set(url.href, fetched);
    if (this.#kept.size > mostKept) this.#kept.delete(this.#kept.keys().next().value as string);
    fetched.schema.catch(() => {
      if (this.#kept.get(url.href) === fetched) this.#kept.delete(url.href);
    });
    return fetched.schema;
  }
}
