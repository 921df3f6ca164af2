import { hasEvidence, type OrchestrationOutput } from "../contract/output.ts";
import type { Run } from "./run-context.ts";

/** Makes a consensus below `options.review.below` wait for a person, under the key of the run. */
export function forReview({ input, events }: Run, output: OrchestrationOutput): OrchestrationOutput {
  const { review, idempotencyKey: key } = input.options;
  if (!review || key === undefined || output.status !== "completed") return output;
  const confidence = confidenceOf(output);
  const { below } = review;
  if (confidence === undefined || confidence >= below) return output;
  const message = `The confidence of ${confidence.toFixed(3)} is below options.review.below = ${below}. The run waits for a decision: orchestrator.resolve(${JSON.stringify(key)}, { accept: true }), or { consensus } with another.`;
  events.emit("warning", { code: "needs_review", message });
  return { ...output, status: "partial", metadata: { ...output.metadata, needsReview: { key, below } } };
}

/** Compares the confidence with this caller's minimum: the output may be that of another run of the same key. */
export function heldAgainstMinimum({ input, events }: Run, output: OrchestrationOutput): OrchestrationOutput {
  const minimum = input.options.qualityRequirements?.minConfidence;
  const confidence = minimum === undefined ? undefined : confidenceOf(output);
  if (minimum === undefined || confidence === undefined || confidence >= minimum) return output;
  const message = `The confidence of ${confidence.toFixed(3)} is below qualityRequirements.minConfidence = ${minimum}. Raise k, or escalate to a stronger model.`;
  events.emit("warning", { code: "low_confidence", message });
  return { ...output, metadata: { ...output.metadata, belowMinConfidence: true } };
}

function confidenceOf(output: OrchestrationOutput): number | undefined {
  if (!hasEvidence(output)) return undefined;
  const { calibratedConfidence, confidence } = output.content.evidenceBundle.summary;
  return calibratedConfidence ?? confidence;
}
