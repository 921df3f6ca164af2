import { hasEvidence, type OrchestrationOutput } from "../contract/output.ts";
import type { RunContext } from "./run-context.ts";

/** Held against what this caller asks for: the output may be another's, of the same key. */
export function heldAgainstMinimum({ input, events }: RunContext, output: OrchestrationOutput): OrchestrationOutput {
  const minimum = input.options.qualityRequirements?.minConfidence;
  if (minimum === undefined || !hasEvidence(output)) return output;
  const { summary } = output.content.evidenceBundle;
  const confidence = summary.calibratedConfidence ?? summary.confidence;
  if (confidence >= minimum) return output;
  const message = `The confidence of ${confidence.toFixed(3)} is below qualityRequirements.minConfidence = ${minimum}. Raise k, or escalate to a stronger model.`;
  events.emit("warning", { code: "low_confidence", message });
  return { ...output, metadata: { ...output.metadata, belowMinConfidence: true } };
}
