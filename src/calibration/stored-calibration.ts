import type { BundleSummary } from "../contract/bundle.ts";
import {
  type Calibration,
  type CalibrationData,
  calibrationFromJSON,
  fitCalibration,
} from "../evidence/calibration.ts";
import { fewestJobLabels } from "../evidence/internal/labelled-votes.ts";
import { createJobCalibration, FieldJobs, type JobCalibrationData } from "../evidence/job-calibration.ts";
import {
  type CalibrationDocument,
  type KeptLabel,
  readCalibrationFile,
  writeCalibrationFile,
} from "./calibration-file.ts";
import type { CalibrationKey, JudgedBundle, Verdict } from "./calibration-key.ts";

/** Older labels make room: models and tasks change, and a fit stays fast. */
const mostLabels = 10_000;

/** Calibration of a task, model and schema. */
export interface StoredCalibration extends CalibrationKey {
  /** The file that holds it. */
  readonly path: string;
  /** Fit of the confidence that a bundle has alone; it tells how far off that is. */
  readonly calibration: Calibration;
  /** From the oldest to the newest. */
  readonly labels: readonly KeptLabel[];
}

/** Contents of a file; `undefined` without a file. */
export async function readStored(path: string): Promise<StoredCalibration | undefined> {
  const document = await readCalibrationFile(path);
  return document && toStored(path, document);
}

/** Adds labels to a file and learns anew from all of them; of two labels of one id the later counts. */
export async function addLabels(
  path: string,
  key: CalibrationKey,
  judged: readonly JudgedBundle[],
): Promise<StoredCalibration> {
  const byId = new Map((await readCalibrationFile(path))?.labels.map((label) => [label.id, label]));
  for (const { id, bundle, correct } of judged) {
    byId.delete(id);
    byId.set(id, {
      id,
      correct,
      k: bundle.meta.k,
      ...signalsOf(bundle.summary),
      votes: votesOf(bundle.summary, correct),
    });
  }
  const labels = [...byId.values()].slice(-mostLabels);
  const document: CalibrationDocument = { version: 1, ...key, calibration: learn(labels), labels };
  await writeCalibrationFile(path, document);
  return toStored(path, document);
}

/** Its cross-validation depends on the order: sorted by ids, the same labels give the same figures in any order. */
function learn(labels: readonly KeptLabel[]): CalibrationData {
  const ordered = labels.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return fitCalibration(
    ordered.flatMap(({ correct, ...summary }) => (typeof correct === "boolean" ? [{ summary, correct }] : [])),
  ).toJSON();
}

function votesOf(summary: BundleSummary<any>, correct: Verdict): JobCalibrationData["fields"] {
  const job = createJobCalibration();
  job.label(summary, correct);
  return job.toJSON().fields;
}

function toStored(path: string, { version, calibration, ...rest }: CalibrationDocument): StoredCalibration {
  return { ...rest, path, calibration: calibrationFromJSON(calibration) };
}

/** Votes that were judged in bundles of the same K, as a job calibration merges them; of any K where these are few. */
export function labelledVotes({ labels }: Pick<StoredCalibration, "labels">, k: number): JobCalibrationData {
  const ofK = labels.filter((label) => label.k === k);
  const job = createJobCalibration();
  for (const { votes } of ofK.length < fewestJobLabels ? labels : ofK)
    if (votes) job.merge({ toJSON: () => ({ version: 1, fields: votes }) });
  return job.toJSON();
}

/** The confidence of the bundle alone: what others teach of it changes from day to day. */
function signalsOf(summary: BundleSummary<any>) {
  const { confidence } = new FieldJobs({}).numbersOfNext(summary);
  const { meanTotalTokens } = summary;
  return { confidence, ...(meanTotalTokens !== undefined && { meanTotalTokens }) };
}
