import type { BundleSummary } from "../contract/bundle.ts";
import {
  type Calibration,
  type CalibrationData,
  calibrationFromJSON,
  fewestLabels,
  fitCalibration,
} from "../evidence/calibration.ts";
import {
  type CalibrationDocument,
  type KeptLabel,
  readCalibrationFile,
  writeCalibrationFile,
} from "./calibration-file.ts";
import type { CalibrationKey, JudgedBundle } from "./calibration-key.ts";

/** Older labels make room: models and tasks change, and a fit stays fast. */
const mostLabels = 10_000;

/** Calibration of a task, model and schema. */
export interface StoredCalibration extends CalibrationKey {
  /** The file that holds it. */
  readonly path: string;
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
    byId.set(id, { id, correct, ...signalsOf(bundle.summary) });
  }
  const labels = [...byId.values()].slice(-mostLabels);
  const document: CalibrationDocument = { version: 1, ...key, calibration: learn(labels), labels };
  await writeCalibrationFile(path, document);
  return toStored(path, document);
}

/** Its cross-validation depends on the order: sorted by ids, the same labels give the same figures in any order. */
function learn(labels: readonly KeptLabel[]): CalibrationData {
  const ordered = labels.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  return fitCalibration(ordered.map(({ correct, ...summary }) => ({ summary, correct }))).toJSON();
}

/** Calibrated confidence of a summary; `undefined` with too few labels. */
export function learntConfidence(
  { labels, calibration }: StoredCalibration,
  summary: BundleSummary<any>,
): number | undefined {
  return labels.length < fewestLabels ? undefined : calibration.confidence(summary);
}

function toStored(path: string, { version, calibration, ...rest }: CalibrationDocument): StoredCalibration {
  return { ...rest, path, calibration: calibrationFromJSON(calibration) };
}

function signalsOf({ confidence, meanTotalTokens }: BundleSummary<any>) {
  return { confidence, ...(meanTotalTokens !== undefined && { meanTotalTokens }) };
}
