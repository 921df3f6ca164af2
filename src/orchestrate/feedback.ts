import type { EvidenceBundle } from "../contract/bundle.ts";
import type { BundleCalibrations } from "../contract/settings.ts";
import { assertUsable, InvalidOptionsError } from "../core/errors.ts";
import { assertVerdict } from "../evidence/internal/verdict.ts";

/** Verdict on the consensus of a bundle. */
export interface FeedbackParams {
  /** An evidence bundle, such as `output.content.evidenceBundle`. */
  bundle: EvidenceBundle<any>;
  /** Right or wrong: as a whole, or by JSON pointer. */
  correct: boolean | Readonly<Record<string, boolean>>;
}

/**
 * Gives a verdict to the calibrations of an orchestrator.
 *
 * @throws InvalidOptionsError for what is no bundle or no verdict, and where no labels are kept
 */
export async function giveFeedback(params: FeedbackParams, calibrations: BundleCalibrations | undefined) {
  assertUsable(typeof params === "object" && params !== null, "feedback(…)", params, "{ bundle, correct }");
  const { bundle, correct } = params;
  const isBundle = bundle?.summary && bundle.meta && Array.isArray(bundle.replicates);
  assertUsable(!!isBundle, "bundle", bundle, "an evidence bundle, such as output.content.evidenceBundle");
  assertUsable(
    bundle.summary.validCount > 0,
    "bundle",
    "a bundle without a valid answer",
    "one with a consensus to judge",
  );
  const isVerdict = typeof correct === "boolean" || (typeof correct === "object" && correct !== null);
  assertUsable(isVerdict, "correct", correct, "true, false, or an object of JSON pointers with true or false");
  assertVerdict(bundle.summary, correct);
  if (!calibrations?.learn) {
    const message =
      "The orchestrator's calibrations keep no labels. Leave that setting out, or give a CalibrationStore, which keeps them in files.";
    const given = calibrations ? "a source of your own" : "off";
    throw new InvalidOptionsError([{ path: "calibrations", given, allowed: "a CalibrationStore", message }]);
  }
  await calibrations.learn(bundle, correct);
}
