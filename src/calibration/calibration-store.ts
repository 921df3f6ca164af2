/**
 * Job: keep which bundles were right, by task, model and schema, and say what that means for further ones.
 * Boundary: knows files and the fit; asks nothing and changes no bundle.
 * Invariants:
 * 1. A file is whole: it is written aside, and put in place in one step.
 * 2. No label is lost: who adds one holds the lock of the folder from reading to writing.
 * 3. An id has one label, the last that was given.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { EvidenceBundle } from "../contract/bundle.ts";
import type { CalibrationSource } from "../contract/settings.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { lazily } from "../core/lazily.ts";
import { calibrationKeyOf, fileNameOf, type KeyedBundle } from "./calibration-key.ts";
import { assertJudged, type JudgedBundle } from "./judged-bundle.ts";
import type { StoredCalibration } from "./stored-calibration.ts";

const loadLockFolder = lazily(() => import("./lock-folder.ts"));
const loadStorageError = lazily(() => import("./storage-error.ts"));
const loadStoredCalibration = lazily(() => import("./stored-calibration.ts"));

/** Where a calibration store keeps its labels. */
export interface CalibrationStoreOptions {
  /** The folder; it is made where it is missing. Default: `.steer/calibrations`. */
  readonly path?: string | undefined;
  /** Times the wait for another process that adds labels. Default: the real clock. */
  readonly clock?: Clock | undefined;
}

/**
 * Labels of evidence bundles in files, one file for each task, model and schema, and the confidence that is learnt from
 * them: from 30 labels on, by `fitCalibration`. Processes may share a folder; a label counts from the next bundle on.
 *
 * @example
 * ```ts
 * const calibrations = new CalibrationStore();
 * const orchestrator = new Orchestrator({ calibrations }); // fills summary.calibratedConfidence
 * const output = await orchestrator.run({ tool: triage, request: { report: "It crashes" } });
 * if (hasEvidence(output)) {
 *   const bundle = output.content.evidenceBundle;
 *   await calibrations.label([{ id: output.requestId, bundle, correct: true }]); // once somebody knows
 * }
 * ```
 */
export class CalibrationStore implements CalibrationSource {
  readonly #path: string;
  readonly #clock: Clock;
  /** By file, with what tells one version of it from the next. */
  readonly #read = new Map<string, { readonly version: string; readonly stored: StoredCalibration | undefined }>();

  constructor({ path = join(".steer", "calibrations"), clock = systemClock }: CalibrationStoreOptions = {}) {
    this.#path = path;
    this.#clock = clock;
  }

  /**
   * Keeps whether bundles were right, and learns anew from all that is kept of their tasks, models and schemas.
   *
   * @returns those calibrations
   * @throws InvalidOptionsError for a label without an id, or of a bundle without a valid answer; nothing is kept then.
   * StoreError where a file cannot be read or written
   */
  async label(judged: readonly JudgedBundle[]): Promise<StoredCalibration[]> {
    assertJudged(judged);
    let release: (() => void) | undefined;
    try {
      const { addLabels } = await loadStoredCalibration();
      release = await (await loadLockFolder()).lockFolder(this.#path, this.#clock);
      const learnt: StoredCalibration[] = [];
      for (const [path, group] of Map.groupBy(judged, ({ bundle }) => this.#fileOf(bundle))) {
        const [{ bundle }] = group as [JudgedBundle];
        learnt.push(await addLabels(path, calibrationKeyOf(bundle), group));
      }
      return learnt;
    } catch (error) {
      throw (await loadStorageError()).storageError(error, "append", this.#path);
    } finally {
      release?.();
    }
  }

  /**
   * The probability that the consensus of a bundle is right, learnt from labels; `undefined` below 30 of them.
   *
   * @throws StoreError where the file cannot be read
   */
  async confidence(bundle: EvidenceBundle<any>): Promise<number | undefined> {
    const stored = await this.find(bundle);
    return stored && (await loadStoredCalibration()).learntConfidence(stored, bundle.summary);
  }

  /**
   * What is kept of a bundle's task, model and schema; `undefined` where no label is.
   *
   * @throws StoreError where the file cannot be read
   */
  async find(bundle: KeyedBundle): Promise<StoredCalibration | undefined> {
    const path = this.#fileOf(bundle);
    try {
      const version = await versionOf(path);
      if (version === undefined) return undefined;
      const known = this.#read.get(path);
      if (known?.version === version) return known.stored;
      const stored = await (await loadStoredCalibration()).readStored(path);
      this.#read.set(path, { version, stored });
      return stored;
    } catch (error) {
      throw (await loadStorageError()).storageError(error, "show", path);
    }
  }

  #fileOf(bundle: KeyedBundle): string {
    return join(this.#path, fileNameOf(calibrationKeyOf(bundle)));
  }
}

/** What changes whenever a file is replaced; `undefined` where there is none. */
async function versionOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch((error) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  return found && `${found.ino}:${found.mtimeNs}:${found.size}`;
}
