import { isDeepStrictEqual } from "node:util";
import type { BundleSummary, EvidenceBundle, EvidenceContent } from "../../contract/bundle.ts";
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
import type { FencingToken, RunStore } from "../../store/store.ts";
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

type ReviewStore = RunStore & Required<Pick<RunStore, "read" | "replace">>;

/** A run that waits for a decision, and the right to complete it. */
interface WaitingRun {
  readonly token: FencingToken;
  readonly output: OrchestrationOutput<EvidenceContent> & { readonly status: "completed" | "partial" };
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
  assertKeepsReviews(store);
  const { token, output } = await waitingRun(store, key);
  const { evidenceBundle } = output.content;
  const { toolName } = output.metadata;
  const isReplaced = "consensus" in decision && decision.consensus !== undefined;
  const voted = evidenceBundle.summary.consensusJson ?? (evidenceBundle.summary.consensus as JSONValue);
  const decidedJson = isReplaced ? await fitting(decision.consensus, toolName, registry.get(toolName)) : voted;
  const resolved = withDecision(output, isReplaced ? { voted, decided: decidedJson } : undefined);
  try {
    await store.replace(token, resolved, Math.max(reviewTtlMs, ttlMs));
  } catch (error) {
    throw StoreError.isInstance(error) && error.reason === "stale_token" ? decidedBefore(key) : error;
  }
  try {
    const verdict = isReplaced ? verdictOn(evidenceBundle.summary, voted, decidedJson) : true;
    await calibrations?.learn?.(evidenceBundle, verdict);
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

/** @throws InvalidOptionsError for a store that cannot keep runs for review */
function assertKeepsReviews(store: RunStore): asserts store is ReviewStore {
  const keepsReviews = store.read && store.replace && !(store instanceof GivenStore && !store.keepsReviews);
  if (keepsReviews) return;
  const message = 'Give a store that has both methods, such as "sqlite".';
  throw unusable("store", "a store without read and replace", message);
}

/** Finds the run that waits for a decision under a key. */
async function waitingRun(store: ReviewStore, key: string): Promise<WaitingRun> {
  const found = await store.read(key);
  if (found?.output.metadata.reviewed) throw decidedBefore(key);
  if (found?.output.metadata.needsReview && hasEvidence(found.output))
    return { token: found.token, output: found.output };
  const message = `No run waits for a decision under the key ${showValue(key)}. It was never kept for review, or its time is over.`;
  throw unusable("key", key, message);
}

/** Returns the output as the decision completes it. */
function withDecision(
  output: WaitingRun["output"],
  replaced: { readonly voted: JSONValue; readonly decided: JSONValue } | undefined,
): OrchestrationOutput {
  const { needsReview: _, ...metadata } = output.metadata;
  const { evidenceBundle } = output.content;
  const bundle = replaced ? withDecided(evidenceBundle, replaced.decided, replaced.voted) : evidenceBundle;
  return {
    ...output,
    status: "completed",
    content: { ...output.content, evidenceBundle: bundle },
    metadata: { ...metadata, reviewed: replaced ? "replaced" : "accepted" },
  };
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
 * Returns the verdict that a person's consensus implies on the consensus of the votes: by field, where both have it. Items of
 * lists are left out: removing one moves those behind it.
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

function decidedBefore(key: string): ConflictError {
  const message = "its review was decided before. Run the same request under the key to read what was decided.";
  return new ConflictError(key, message, { reason: "decided" });
}

function unusable(path: string, given: unknown, message: string): InvalidOptionsError {
  return new InvalidOptionsError([{ path, given, allowed: "see the message", message }]);
}
