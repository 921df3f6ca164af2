import { isDeepStrictEqual } from "node:util";
import type { BundleSummary, EvidenceBundle } from "../../contract/bundle.ts";
import type { BundleOptions } from "../../contract/bundle-options.ts";
import { ConflictError, StoreError } from "../../contract/errors.ts";
import { hasEvidence, type OrchestrationOutput } from "../../contract/output.ts";
import type { BundleCalibrations, Logger } from "../../contract/settings.ts";
import type { AnyTool, ToolRegistry } from "../../contract/tool.ts";
import { assertUsable, InvalidOptionsError, messageOf, showValue } from "../../core/errors.ts";
import type { JSONValue } from "../../core/json.ts";
import { pointerSegments } from "../../evidence/internal/pointer.ts";
import { toJsonData } from "../../schema/json-data.ts";
import { resolveSchema } from "../../schema/resolve.ts";
import { GivenStore } from "../../store/given-store.ts";
import type { RunStore } from "../../store/store.ts";
import { reviewTtlMs } from "./claimed-run.ts";

/** Decision of a person on a run that waits for it: the consensus of the answers is right, or another stands in its place. */
export type ReviewDecision = { accept: true; consensus?: undefined } | { consensus: unknown; accept?: undefined };

/** Means of a decision. */
export interface ReviewMeans {
  readonly store: RunStore;
  /** Knows the tool of the run, whose schema a consensus has to fit. */
  readonly registry: Pick<ToolRegistry<any>, "get">;
  readonly calibrations: BundleCalibrations | undefined;
  readonly logger: Logger | undefined;
  readonly ttlMs: number;
}

/**
 * Decides a run that waits for a person, in one atomic step of the store, and gives the verdict to the calibrations.
 *
 * @throws ConflictError with the reason `"decided"` where another decision came first
 * @throws InvalidOptionsError for a key under which no run waits, and for a consensus that does not fit
 */
export async function resolveReview(
  key: string,
  decision: ReviewDecision,
  { store, registry, calibrations, logger, ttlMs }: ReviewMeans,
): Promise<OrchestrationOutput> {
  assertDecision(key, decision);
  if (!store.read || !store.replace || (store instanceof GivenStore && !store.keepsReviews))
    throw unusable(
      "store",
      "a store without read and replace",
      'Give a store that has both methods, such as "sqlite".',
    );
  const found = await store.read(key);
  if (found?.output.metadata.reviewed) throw decided(key);
  if (!found?.output.metadata.needsReview || !hasEvidence(found.output))
    throw unusable(
      "key",
      key,
      `No run waits for a decision under the key ${showValue(key)}. It was never kept for review, or its time is over.`,
    );
  const { token, output } = found;
  const { evidenceBundle } = output.content;
  const { summary } = evidenceBundle;
  const isReplaced = "consensus" in decision && decision.consensus !== undefined;
  const voted = summary.consensusJson ?? (summary.consensus as JSONValue);
  const { toolName } = output.metadata;
  const json = isReplaced ? await fitting(decision.consensus, toolName, registry.get(toolName)) : voted;
  const { needsReview: _, ...metadata } = output.metadata;
  const content = {
    ...output.content,
    evidenceBundle: isReplaced ? withDecided(evidenceBundle, json, voted) : evidenceBundle,
  };
  const reviewed = isReplaced ? "replaced" : "accepted";
  const resolved: OrchestrationOutput = {
    ...output,
    status: "completed",
    content,
    metadata: { ...metadata, reviewed },
  };
  try {
    await store.replace(token, resolved, Math.max(reviewTtlMs, ttlMs));
  } catch (error) {
    throw StoreError.isInstance(error) && error.reason === "stale_token" ? decided(key) : error;
  }
  try {
    await calibrations?.learn?.(evidenceBundle, isReplaced ? verdictOn(summary, voted, json) : true);
  } catch (error) {
    // The decision stands; its label is lost.
    logger?.warn({ key, err: error }, "the verdict of a review could not be learnt");
  }
  return restored(resolved, registry);
}

function assertDecision(key: unknown, decision: ReviewDecision): void {
  assertUsable(
    typeof key === "string" && key !== "",
    "key",
    key,
    "the key of a run, as its metadata.needsReview has it",
  );
  const { accept, consensus, ...others } = Object(decision) as Record<string, unknown>;
  const isOne = (accept === true) !== (consensus !== undefined) && Object.keys(others).length === 0;
  assertUsable(isOne, "decision", decision, "{ accept: true }, or { consensus } with another answer");
}

/**
 * Returns the JSON of a person's consensus.
 *
 * @throws InvalidOptionsError where the tool is known here and its schema refuses the value
 */
export async function fitting(consensus: unknown, toolName: string, tool: AnyTool | undefined): Promise<JSONValue> {
  const json = jsonOf(consensus);
  const { schema } = (tool?.resolveOptions?.({}) ?? {}) as BundleOptions;
  const checked = await (await resolveSchema(schema))?.check(json);
  if (checked && !checked.ok) {
    const faults = checked.errors.join("; ");
    throw unusable(
      "decision.consensus",
      consensus,
      `decision.consensus does not fit the schema of "${toolName}": ${faults}`,
    );
  }
  return json;
}

function jsonOf(consensus: unknown): JSONValue {
  try {
    return toJsonData(consensus);
  } catch (error) {
    throw unusable("decision.consensus", consensus, `decision.consensus is not JSON: ${messageOf(error)}`);
  }
}

/** Puts a person's consensus into a bundle. Its votes, and the numbers of them, stay what the answers say. */
function withDecided(bundle: EvidenceBundle, json: JSONValue, votedJson: JSONValue): EvidenceBundle {
  const { medoidId: _, ...summary } = bundle.summary;
  return { ...bundle, summary: { ...summary, consensus: json, consensusJson: json, votedJson } };
}

/**
 * Returns what a person's consensus says of the one of the votes: by field, where both have it. Items of lists are left out, as
 * one that is taken out moves those behind it.
 */
function verdictOn({ fields }: BundleSummary, voted: JSONValue, json: JSONValue): boolean | Record<string, boolean> {
  if (isDeepStrictEqual(voted, json)) return true;
  const verdicts = Object.keys(fields).flatMap((pointer) => {
    const steps = pointerSegments(pointer, "fields");
    const [given, wanted] = [valueAt(voted, steps), valueAt(json, steps)];
    return given.isInList || wanted.isInList ? [] : [[pointer, isDeepStrictEqual(given.value, wanted.value)] as const];
  });
  return verdicts.length > 1 ? Object.fromEntries(verdicts) : false;
}

function valueAt(value: JSONValue, steps: readonly string[]): { value: unknown; isInList: boolean } {
  let [at, isInList]: [unknown, boolean] = [value, false];
  for (const step of steps) {
    isInList ||= Array.isArray(at);
    at = Object(at) === at && Object.hasOwn(at as object, step) ? (at as Record<string, unknown>)[step] : undefined;
  }
  return { value: at, isInList };
}

/** Sends the answers through the schema of their tool, where it is known here. */
async function restored(output: OrchestrationOutput, registry: ReviewMeans["registry"]): Promise<OrchestrationOutput> {
  const tool = registry.get(output.metadata.toolName);
  if (!tool?.restoreContent) return output;
  const content = await tool.restoreContent(output.content, undefined);
  return { ...output, content } as OrchestrationOutput;
}

function decided(key: string): ConflictError {
  const message = "its review was decided before. Run the same request under the key to read what was decided.";
  return new ConflictError(key, message, { reason: "decided" });
}

function unusable(path: string, given: unknown, message: string): InvalidOptionsError {
  return new InvalidOptionsError([{ path, given, allowed: "see the message", message }]);
}
