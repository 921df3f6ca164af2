import { statSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { tryFileLock } from "../core/file-lock.ts";
import type { JobCalibrationData } from "../evidence/job-calibration.ts";
import { lockedFolder, storageError } from "./calibration-file.ts";
import {
  assertJudged,
  type CalibrationKey,
  calibrationKeyOf,
  fileNameOf,
  type JudgedBundle,
  type KeyedBundle,
  slugOf,
} from "./calibration-key.ts";
import { addLabels, labelledVotes, readStored, type StoredCalibration } from "./stored-calibration.ts";

/**
 * Job: keep which bundles were right, by task, model and schema, and say what that means for further ones.
 * Boundary: knows files and the fit; asks nothing and changes no bundle.
 * Invariants:
 * 1. A file is whole: it is written aside, and put in place in one step.
 * 2. No label is lost: who adds one holds the lock of the folder from reading to writing.
 * 3. An id has one label, the last that was given.
 * 4. What was read is read again once its file was replaced.
 */

export class LabelledFolder {
  readonly #path: string;
  readonly #clock: Clock;
  /** Calibrations by file, with the version they were read from. */
  readonly #read = new Map<string, { readonly version: string; readonly stored: StoredCalibration | undefined }>();
  /** Judged votes of a calibration, by K. */
  readonly #votes = new WeakMap<StoredCalibration, Map<number, JobCalibrationData>>();

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  async label(judged: readonly JudgedBundle[]): Promise<StoredCalibration[]> {
    assertJudged(judged);
    let release: (() => void) | undefined;
    try {
      release = await lockFolder(this.#path, this.#clock);
      const learnt: StoredCalibration[] = [];
      for (const [path, group] of Map.groupBy(judged, ({ bundle }) => this.#fileOf(bundle))) {
        const [{ bundle }] = group as [JudgedBundle];
        learnt.push(await addLabels(path, calibrationKeyOf(bundle), group));
      }
      return learnt;
    } catch (error) {
      throw storageError(error, "append", this.#path);
    } finally {
      release?.();
    }
  }

  async find(bundle: KeyedBundle): Promise<StoredCalibration | undefined> {
    return this.#findBy(calibrationKeyOf(bundle));
  }

  /** Judged votes of bundles of the same K. */
  async votes(key: CalibrationKey, k: number): Promise<JobCalibrationData | undefined> {
    const stored = await this.#findBy(key);
    if (!stored) return undefined;
    const known = this.#votes.get(stored) ?? new Map<number, JobCalibrationData>();
    this.#votes.set(stored, known);
    const votes = known.get(k) ?? labelledVotes(stored, k);
    known.set(k, votes);
    return votes;
  }

  /** Models of which there are labels for a task and schema. */
  async models({ task, schemaFingerprint }: Omit<CalibrationKey, "model">): Promise<string[]> {
    const slug = slugOf(task);
    const names = await readdir(this.#path).catch((error) => {
      if (error.code === "ENOENT") return [];
      throw storageError(error, "show", this.#path);
    });
    const found: string[] = [];
    for (const name of names.filter((name) => name.startsWith(`${slug}-`) && name.endsWith(".json"))) {
      const stored = await this.#readAt(join(this.#path, name));
      if (stored?.task === task && stored.schemaFingerprint === schemaFingerprint) found.push(stored.model);
    }
    return found;
  }

  #findBy(key: CalibrationKey): Promise<StoredCalibration | undefined> {
    return this.#readAt(join(this.#path, fileNameOf(key)));
  }

  async #readAt(path: string): Promise<StoredCalibration | undefined> {
    try {
      const version = versionOf(path);
      if (version === undefined) return undefined;
      const known = this.#read.get(path);
      if (known?.version === version) return known.stored;
      const stored = await readStored(path);
      this.#read.set(path, { version, stored });
      return stored;
    } catch (error) {
      throw storageError(error, "show", path);
    }
  }

  #fileOf(bundle: KeyedBundle): string {
    return join(this.#path, fileNameOf(calibrationKeyOf(bundle)));
  }
}

/**
 * Version of a file, which changes whenever it is replaced; `undefined` without a file. Looked up at once: a bundle of a
 * job asks for it each time, and through the thread pool that takes longer than all else that it does here.
 */
function versionOf(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && `${found.ino}:${found.mtimeNs}:${found.size}`;
}

const pollMs = 20;
const longestWaitMs = 5_000;

/**
 * Keeps other processes from writing in a folder, which is made where it is missing.
 *
 * @returns a function that lets go
 * @throws StoreError where another process holds it for too long
 */
export async function lockFolder(path: string, clock: Clock): Promise<() => void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const deadlineMs = clock.now() + longestWaitMs;
  for (;;) {
    const release = await tryFileLock(join(path, ".lock"));
    if (release) return release;
    if (clock.now() >= deadlineMs) throw lockedFolder(path, longestWaitMs);
    await clock.sleep(pollMs);
  }
}
