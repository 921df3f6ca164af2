import { StoreError, type StoreFailure, type StoreOperation } from "../contract/store-error.ts";
import { messageOf } from "../core/errors.ts";

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

export function damagedFile(path: string, fault: string): StoreError {
  return new StoreError({
    store,
    operation: "show",
    reason: "corrupt",
    what: `${path} is damaged: ${fault}`,
    advice: "Restore it from a backup, or move it away to learn anew.",
  });
}

export function newerFile(path: string, version: number): StoreError {
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
