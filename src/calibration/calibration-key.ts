import type { BundleMetadata } from "../contract/bundle.ts";
import { fingerprint } from "../core/canonical.ts";

/** What bundles have in common whose confidence means the same. */
export interface CalibrationKey {
  readonly task: string;
  /** As the bundle says it: where one model was asked after another, both. */
  readonly model: string;
  /** Absent where answers are text. */
  readonly schemaFingerprint?: string | undefined;
}

export function calibrationKeyOf({ task, model, schemaFingerprint }: BundleMetadata): CalibrationKey {
  return { task, model, ...(schemaFingerprint !== undefined && { schemaFingerprint }) };
}

/** Enough of a task's name to find its file; what tells files apart is the fingerprint. */
const longestSlug = 40;

/** A file name that any file system takes, whatever the task is called: halves of surrogate pairs have their escape. */
export function fileNameOf({ task, model, schemaFingerprint = "" }: CalibrationKey): string {
  const slug = task
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, longestSlug);
  return `${slug || "task"}-${fingerprint(JSON.stringify([task, model, schemaFingerprint])).slice(0, 16)}.json`;
}
