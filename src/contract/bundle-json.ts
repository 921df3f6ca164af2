import type { JSONValue } from "../core/json.ts";
import type { BundleSummary, EvidenceBundle, Replicate } from "./bundle.ts";

/**
 * Job: keep the JSON of answers beside what a schema makes of it, and let the JSON be what is written.
 * Boundary: knows no schema.
 * Invariants:
 * 1. `JSON.stringify` of a replicate or a summary writes the JSON of the answer in place of its value: a `Set` or a
 *    `BigInt` has no JSON form.
 * 2. That takes a method only where the two differ, and one that no copy carries along: to `structuredClone`, spread
 *    and comparisons both are plain objects.
 */

/** Gives a replicate its JSON. */
export function withReplicateJson<R extends Replicate<any>>(replicate: R, json: JSONValue): R {
  replicate.json = json;
  return replicate.data === json ? replicate : Object.defineProperty(replicate, "toJSON", replicateToJson);
}

/** Gives a summary the consensus that a schema makes of its `consensusJson`. */
export function withConsensus<T>(summary: BundleSummary<T>, consensus: T | null): BundleSummary<T> {
  summary.consensus = consensus;
  return consensus === summary.consensusJson ? summary : Object.defineProperty(summary, "toJSON", summaryToJson);
}

const replicateToJson = {
  configurable: true,
  writable: true,
  value(this: Replicate) {
    return { ...this, data: this.json };
  },
};

const summaryToJson = {
  configurable: true,
  writable: true,
  value(this: BundleSummary) {
    return { ...this, consensus: this.consensusJson };
  },
};

/** Returns the JSON of a valid replicate's answer, also of a bundle that an earlier version wrote. */
export function jsonOf({ json, data }: { readonly json?: JSONValue | undefined; readonly data: unknown }): JSONValue {
  return json === undefined ? (data as JSONValue) : json;
}

/** The bundle in the content of an output, where there is one. */
export function bundleIn(content: unknown): EvidenceBundle | undefined {
  const { evidenceBundle } = (content ?? {}) as { evidenceBundle?: Partial<EvidenceBundle> | undefined };
  const isBundle = Array.isArray(evidenceBundle?.replicates) && typeof evidenceBundle.summary === "object";
  return isBundle && evidenceBundle.summary !== null ? (evidenceBundle as EvidenceBundle) : undefined;
}

/** Returns a bundle as JSON has it: every answer by its JSON. */
export function writtenBundle({ replicates, summary, ...facts }: EvidenceBundle): EvidenceBundle {
  return {
    ...facts,
    replicates: replicates.map((replicate) => ({ ...replicate, data: jsonOf(replicate) })),
    summary: { ...summary, consensus: summary.consensusJson === undefined ? summary.consensus : summary.consensusJson },
  };
}
