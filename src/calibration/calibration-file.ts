import { open, readFile, rename, rm } from "node:fs/promises";
import * as v from "valibot";
import { StoreError, type StoreFailure, type StoreOperation } from "../contract/errors.ts";
import { messageOf } from "../core/errors.ts";
import { createId, systemRandom } from "../core/random.ts";
import { type CalibrationData, type ConfidenceSignals, calibrationFromJSON } from "../evidence/calibration.ts";
import { createJobCalibration, type JobCalibrationData } from "../evidence/job-calibration.ts";
import type { CalibrationKey, Verdict } from "./calibration-key.ts";

/** Data that a calibration is learnt from: as much of a judged bundle as is needed to learn it again. */
export interface KeptLabel extends ConfidenceSignals {
  readonly id: string;
  readonly correct: Verdict;
  /** The most replicates that its bundle asked for. */
  readonly k?: number | undefined;
  /** Votes that were judged, as a job calibration keeps them; absent from labels of an earlier version. */
  readonly votes?: JobCalibrationData["fields"] | undefined;
}

/** A calibration and its labels, as the file holds them. */
export interface CalibrationDocument extends CalibrationKey {
  readonly version: 1;
  readonly calibration: CalibrationData;
  readonly labels: readonly KeptLabel[];
}

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const document = v.object({
  version: v.literal(1),
  task: v.string(),
  model: v.string(),
  schemaFingerprint: v.optional(v.string()),
  calibration: v.custom<CalibrationData>(isCalibration, "no calibration"),
  labels: v.array(
    v.object({
      id: v.string(),
      correct: v.union([v.boolean(), v.record(v.string(), v.boolean())]),
      confidence: share,
      meanTotalTokens: v.optional(v.number()),
      k: v.optional(v.number()),
      votes: v.optional(v.custom<JobCalibrationData["fields"]>(isVotes, "no votes of a job calibration")),
    }),
  ),
});

/**
 * Contents of a file; `undefined` without a file.
 *
 * @throws StoreError where it was damaged, or written by a later version of this package
 */
export async function readCalibrationFile(path: string): Promise<CalibrationDocument | undefined> {
  const text = await readFile(path, "utf8").catch((error) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const value = parse(text, path);
  const { version } = (value ?? {}) as { version?: unknown };
  if (typeof version === "number" && version > 1) throw newerFile(path, version);
  const result = v.safeParse(document, value);
  if (result.success) return result.output as CalibrationDocument;
  const [issue] = result.issues;
  throw damagedFile(path, `${v.getDotPath(issue) ?? "the file"}: ${issue.message}`);
}

/** Puts a file in the place of the one before in one step, and only once it is on the disk. */
export async function writeCalibrationFile(path: string, content: CalibrationDocument): Promise<void> {
  const aside = `${path}.${createId(systemRandom)}.tmp`;
  try {
    const file = await open(aside, "wx", 0o600);
    try {
      await file.writeFile(`${JSON.stringify(content, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(aside, path);
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw damagedFile(path, (error as Error).message);
  }
}

function isVotes(value: unknown): boolean {
  try {
    createJobCalibration().fromJSON({ version: 1, fields: value as JobCalibrationData["fields"] });
    return true;
  } catch {
    return false;
  }
}

function isCalibration(value: unknown): boolean {
  try {
    calibrationFromJSON(value as CalibrationData);
    return true;
  } catch {
    return false;
  }
}

const store = "calibration";

const failures: Readonly<Record<string, StoreFailure>> = {
  EACCES: "read_only",
  EPERM: "read_only",
  EROFS: "read_only",
  ENOSPC: "full",
  EDQUOT: "full",
};

/** The error for what the file system threw. */
export function storageError(error: unknown, operation: StoreOperation, path: string): StoreError {
  if (StoreError.isInstance(error)) return error;
  return new StoreError({
    store,
    operation,
    reason: failures[(error as { code?: string }).code ?? ""] ?? "failed",
    what: `${messageOf(error)}, at ${path}`,
    advice: "Check that this user may write to the folder, and that its disk has room.",
    cause: error,
  });
}

function damagedFile(path: string, fault: string): StoreError {
  return new StoreError({
    store,
    operation: "show",
    reason: "corrupt",
    what: `${path} is damaged: ${fault}`,
    advice: "Restore it from a backup, or move it away to learn anew.",
  });
}

function newerFile(path: string, version: number): StoreError {
  return new StoreError({
    store,
    operation: "show",
    reason: "newer_schema",
    what: `${path} has version ${version}, and this version of steer-llm-sdk knows 1`,
    advice: "Upgrade steer-llm-sdk, or point it to another folder.",
  });
}

export function lockedFolder(path: string, waitedMs: number): StoreError {
  return new StoreError({
    store,
    operation: "append",
    reason: "locked",
    what: `another process has been adding labels in ${path} for ${waitedMs} ms`,
    advice: "Wait for it, or end it, and give the labels again.",
  });
}
