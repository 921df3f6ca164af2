import type { EvidenceBundle } from "../contract/bundle.ts";
import type { BundleCalibrations, BundleKind, CalibrationSource, OpenCalibration } from "../contract/settings.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { assertUsable, InvalidOptionsError } from "../core/errors.ts";
import { lazily } from "../core/lazily.ts";

/** Memory of a process of how far votes can be trusted; its machinery is loaded with the first bundle. */
export class ProcessCalibrations implements BundleCalibrations {
  readonly #jobs = lazily(async () => new (await import("../calibration/job-calibrations.ts")).JobCalibrations());

  async open(kind: BundleKind): Promise<OpenCalibration> {
    return (await this.#jobs()).open(kind);
  }

  async learn(bundle: EvidenceBundle<any>, correct: FeedbackParams["correct"]): Promise<void> {
    (await this.#jobs()).label(bundle, correct);
  }
}

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
  const { assertVerdict } = await import("../evidence/internal/verdict.ts");
  assertVerdict(bundle.summary, correct);
  if (!calibrations?.learn) {
    const message =
      "The orchestrator's calibrations keep no labels. Leave that setting out, or give a CalibrationStore, which keeps them in files.";
    const given = calibrations ? "a source of your own" : "off";
    throw new InvalidOptionsError([{ path: "calibrations", given, allowed: "a CalibrationStore", message }]);
  }
  await calibrations.learn(bundle, correct);
}

const ofProcess = new ProcessCalibrations();

/** Memory of an orchestrator that was given none: the process's; with a clock of its own it gets one of its own. */
export function calibrationsFor({ clock }: { clock?: Clock | undefined }): ProcessCalibrations {
  return clock && clock !== systemClock ? new ProcessCalibrations() : ofProcess;
}

/** Calibrations as a run reads them; undefined where history is kept out. */
export function calibrationsOf(
  given: CalibrationSource | "off" | undefined,
  otherwise: BundleCalibrations,
): BundleCalibrations | undefined {
  if (given === "off") return undefined;
  if (given === undefined) return otherwise;
  return "open" in given ? (given as CalibrationSource & BundleCalibrations) : byConfidence(given);
}

/** A source that says one number of a bundle. */
function byConfidence(source: CalibrationSource): BundleCalibrations {
  return {
    open: () => ({
      async judge({ summary, ...bundle }) {
        const confidence = await source.confidence({ ...bundle, summary });
        if (confidence === undefined) return;
        const confidenceBasis = { ...summary.confidenceBasis, kind: "labels", calibrated: true } as const;
        Object.assign(summary, { confidence, calibratedConfidence: confidence, confidenceBasis });
      },
      observe() {},
    }),
  };
}
