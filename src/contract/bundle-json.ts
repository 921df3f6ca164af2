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
export function writtenBundle<T>(bundle: EvidenceBundle<T>): EvidenceBundle<T> {
  const { replicates, summary } = bundle;
  const consensus = summary.consensusJson === undefined ? summary.consensus : (summary.consensusJson as T | null);
  return {
    ...bundle,
    replicates: replicates.map((replicate) => ({ ...replicate, data: jsonOf(replicate) as T })),
    summary: { ...summary, consensus },
  };
}

/** Returns a bundle as JSON has it, without the distances: their number grows with the square of the replicates. */
export function withoutDistances<T>(bundle: EvidenceBundle<T>): EvidenceBundle<T> {
  const written = writtenBundle(bundle);
  const { pairwiseDistance: _, ...summary } = written.summary;
  return { ...written, summary } as EvidenceBundle<T>;
}

/**
 * Returns an event that holds each answer once, as JSON. A function that hides `data` and `consensus` then hides all of it,
 * whether or not it knows of the JSON beside them.
 */
export function withAnswersOnce<E extends object>(event: E): E {
  return mapAnswers(event, {
    replicate: ({ json, ...replicate }) => ({ ...replicate, data: json === undefined ? replicate.data : json }),
    summary: ({ consensusJson: json, ...summary }) => ({
      ...summary,
      consensus: json === undefined ? summary.consensus : json,
    }),
  });
}

/** Returns the same event with the JSON of answers beside them, as every event has it. */
export function withAnswersTwice<E extends object>(event: E): E {
  return mapAnswers(event, {
    replicate: (replicate) => ("data" in replicate ? { ...replicate, json: replicate.data } : replicate),
    summary: (summary) => ("consensus" in summary ? { ...summary, consensusJson: summary.consensus } : summary),
  });
}

/** Returns an event as JSON has it, without distances: their number grows with the square of the replicates. */
export function withoutDistancesIn<E extends object>(event: E): E {
  return mapAnswers(event, {
    replicate: (replicate) => ({ ...replicate, data: jsonOf(replicate as Replicate) }),
    summary: ({ consensus, consensusJson = consensus as JSONValue, ...summary }) => ({
      ...summary,
      consensus: consensusJson,
      consensusJson,
      pairwiseDistance: null,
    }),
  });
}

interface AnswerMap {
  replicate(replicate: Partial<Replicate>): object;
  summary(summary: Partial<BundleSummary>): object;
}

/** Changes the answers of an event, wherever they stand in it. Parts of another shape stay as they are. */
function mapAnswers<E extends object>(event: E, change: AnswerMap): E {
  const { replicate, summary, evidenceBundle, output } = event as Record<string, any>;
  const inBundle = ({ replicates, summary, ...facts }: any) => ({
    ...facts,
    replicates: replicates.map((each: unknown) => (isObject(each) ? change.replicate(each) : each)),
    summary: change.summary(summary),
  });
  const inContent = (content: any) => ({ ...content, evidenceBundle: inBundle(content.evidenceBundle) });
  return {
    ...event,
    ...(isObject(replicate) && { replicate: change.replicate(replicate) }),
    ...(isObject(summary) && { summary: change.summary(summary) }),
    ...(bundleIn({ evidenceBundle }) && { evidenceBundle: inBundle(evidenceBundle) }),
    ...(bundleIn(output?.content) && { output: { ...output, content: inContent(output.content) } }),
  };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
