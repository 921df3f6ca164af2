import type { BundleSummary, EvidenceBundle, Replicate } from "../../contract/bundle.ts";
import { withConsensus } from "../../contract/bundle-json.ts";
import type { CompareOptions } from "../../contract/bundle-options.ts";
import { runtimeOf } from "../../contract/call.ts";
import { untilComputed } from "../../contract/enclosing-work.ts";
import type { ToolContext } from "../../contract/tool.ts";
import { messageOf } from "../../core/errors.ts";
import { CancelScope, onAbort } from "../../core/signal.ts";
import { inSlices } from "../../core/slices.ts";
import type { ResolvedSchema } from "../../schema/resolve.ts";
import { consensusOf } from "./answers.ts";
import { isVotedAsGiven, summarizingJson, summarizingMedoid } from "./votes.ts";

/**
 * Counts the votes of replicates, puts the consensus together from the fields, and sends it through the schema once.
 * Where the schema refuses it, or the run ends before the schema has answered, one whole replicate is given instead.
 */
export async function summarizeReplicates<T>(
  replicates: readonly Replicate<T>[],
  compare: CompareOptions | undefined,
  schema: ResolvedSchema | undefined,
  signal: AbortSignal,
): Promise<BundleSummary<T>> {
  const summary = await untilComputed(inSlices(summarizingJson(replicates, compare)));
  if (!schema || summary.validCount === 0) return summary;
  const isOutput = replicates.every(isVotedAsGiven);
  const consensus = await inTime(consensusOf(schema, summary.consensusJson, isOutput), signal);
  return consensus
    ? withConsensus(summary, consensus.data as T)
    : untilComputed(inSlices(summarizingMedoid(replicates, compare)));
}

/** Waits until the run ends, and one turn longer: a check that only computes is still heard of then. */
function inTime<R>(answer: Promise<R | undefined>, signal: AbortSignal): Promise<R | undefined> {
  const over = new CancelScope();
  const leave = onAbort(signal, () => process.nextTick(() => over.abort(signal.reason)));
  return over
    .race(answer)
    .catch(() => undefined)
    .finally(leave);
}

/**
 * Adds the confidence that labels give bundles like this one. Where their source fails, the answer is still paid for: the
 * run goes on with a warning.
 */
export async function addCalibratedConfidence(bundle: EvidenceBundle<any>, context: ToolContext): Promise<void> {
  const source = runtimeOf(context)?.calibrations;
  if (!source || bundle.summary.validCount === 0) return;
  const scope = new CancelScope(context.signal);
  try {
    const confidence = await scope.race(source.confidence(bundle));
    if (confidence !== undefined) bundle.summary.calibratedConfidence = confidence;
  } catch (error) {
    const message = `The confidence stays as it is without labels: ${messageOf(error)}`;
    if (!scope.aborted) context.events.emit("warning", { code: "calibration_failed", message });
  } finally {
    scope.dispose();
  }
}
