import type { EvidenceBundle } from "../contract/bundle.ts";
import type { BundleCalibrations, BundleKind, CalibrationSource, OpenCalibration } from "../contract/settings.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { lazily } from "../core/lazily.ts";
import type { FeedbackParams } from "./feedback.ts";

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
      async calibrate({ summary, ...bundle }) {
        const confidence = await source.confidence({ ...bundle, summary });
        if (confidence === undefined) return;
        const confidenceBasis = { ...summary.confidenceBasis, kind: "labels", calibrated: true } as const;
        Object.assign(summary, { confidence, calibratedConfidence: confidence, confidenceBasis });
      },
      observe() {},
    }),
  };
}
