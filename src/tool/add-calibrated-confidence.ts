import type { EvidenceBundle } from "../contract/bundle.ts";
import { lentWith } from "../contract/call.ts";
import type { ToolContext } from "../contract/tool.ts";
import { messageOf } from "../core/errors.ts";
import { CancelScope } from "../core/signal.ts";

/**
 * Fills in what labels say of bundles like this one. A source that fails takes nothing away from an answer that is paid
 * for: the run goes on with a warning.
 */
export async function addCalibratedConfidence(bundle: EvidenceBundle<any>, context: ToolContext): Promise<void> {
  const source = lentWith(context)?.calibrations;
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
