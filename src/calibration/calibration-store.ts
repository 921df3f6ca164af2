import type { EvidenceBundle } from "../contract/bundle.ts";
import type { BundleKind, CalibrationSource, OpenCalibration } from "../contract/settings.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { assertUsable } from "../core/errors.ts";
import { lazily } from "../core/lazily.ts";
import type { JudgedBundle, KeyedBundle } from "./calibration-key.ts";
import type { JobCalibrations, WholeJob } from "./job-calibrations.ts";
import type { LabelledFolder } from "./labelled-folder.ts";
import type { StoredCalibration } from "./stored-calibration.ts";

/** Place of the labels of a calibration store. */
export interface CalibrationStoreOptions {
  /** The folder; it is made where it is missing. Default: `.steer/calibrations`. */
  readonly path?: string | undefined;
  /** Times the wait for another process that adds labels. Default: the real clock. */
  readonly clock?: Clock | undefined;
}

/**
 * Labels of evidence bundles in files, one file for each task, model, schema and K. From ten labels on they correct the
 * confidence that the votes of the process's own bundles give. Processes may share a folder; a label counts from the next
 * bundle on.
 *
 * @example
 * ```ts
 * const calibrations = new CalibrationStore();
 * const orchestrator = new Orchestrator({ calibrations }); // labels correct summary.confidence
 * const output = await orchestrator.run({ tool: triage, request: { report: "It crashes" } });
 * if (hasEvidence(output)) {
 *   const bundle = output.content.evidenceBundle;
 *   await calibrations.label([{ id: output.requestId, bundle, correct: true }]); // once it is known
 * }
 * ```
 */
export class CalibrationStore implements CalibrationSource {
  readonly #folder: () => Promise<LabelledFolder>;
  readonly #jobs: () => Promise<JobCalibrations>;

  /** @throws InvalidOptionsError */
  constructor(options: CalibrationStoreOptions = {}) {
    const isObject = typeof options === "object" && options !== null;
    assertUsable(isObject, "new CalibrationStore(…)", options, 'an object, such as { path: "calibrations" }');
    const { path = ".steer/calibrations", clock = systemClock } = options;
    assertUsable(typeof path === "string" && path !== "", "path", path, "the path of a folder");
    this.#folder = lazily(async () => new (await import("./labelled-folder.ts")).LabelledFolder(path, clock));
    this.#jobs = lazily(async () => {
      const { JobCalibrations } = await import("./job-calibrations.ts");
      return new JobCalibrations(
        async (key, k) => (await this.#folder()).votes(key, k),
        async (kind) => (await this.#folder()).models(kind),
      );
    });
  }

  /** Judges a job once all of its bundles are there. @internal */
  async wholeJob(): Promise<WholeJob> {
    const { WholeJob } = await import("./job-calibrations.ts");
    return new WholeJob(async (key, k) => (await this.#folder()).votes(key, k));
  }

  /** Labels a bundle by its own contents. @internal */
  async learn(bundle: EvidenceBundle<any>, correct: JudgedBundle["correct"]): Promise<void> {
    const { bundleIdOf } = await import("./calibration-key.ts");
    await this.label([{ id: bundleIdOf(bundle), bundle, correct }]);
  }

  /** @internal */
  async open(kind: BundleKind): Promise<OpenCalibration> {
    return (await this.#jobs()).open(kind);
  }

  /**
   * Keeps whether bundles were right, and learns anew from all that is kept of their tasks, models and schemas.
   *
   * @returns those calibrations
   * @throws InvalidOptionsError for a label without an id, or of a bundle without a valid answer; nothing is kept then.
   * StoreError where a file cannot be read or written
   */
  async label(judged: readonly JudgedBundle[]): Promise<StoredCalibration[]> {
    return (await this.#folder()).label(judged);
  }

  /**
   * The probability that the consensus of a bundle is right, learnt from labels; `undefined` below ten of them, and where
   * they make it no better.
   *
   * @throws StoreError where the file cannot be read
   */
  async confidence(bundle: EvidenceBundle<any>): Promise<number | undefined> {
    const { kindOf } = await import("./job-calibrations.ts");
    const summary = { ...bundle.summary, fields: { ...bundle.summary.fields } };
    await (await this.open(kindOf(bundle))).calibrate({ ...bundle, summary });
    return summary.confidenceBasis?.kind === "labels" ? summary.confidence : undefined;
  }

  /**
   * Calibration of a bundle's task, model and schema; `undefined` without a label.
   *
   * @throws StoreError where the file cannot be read
   */
  async find(bundle: KeyedBundle): Promise<StoredCalibration | undefined> {
    return (await this.#folder()).find(bundle);
  }
}
