import { StoreError, type StoreFailure, type StoreOperation } from "../contract/errors.ts";

/** SQLITE_NOTADB. */
export const notADatabase = 26;

/** Describes what SQLite or the file system threw as the error of a store. */
export function sqliteError(error: unknown, operation: StoreOperation, path: string): StoreError {
  if (error instanceof StoreError) return error;
  const reason = failureOf(error);
  return new StoreError({
    store: "sqlite",
    operation,
    reason,
    what: `${error instanceof Error ? error.message : String(error)}, at ${path}`,
    advice: advice[reason] ?? pathAdvice[(error as { code?: string }).code ?? ""] ?? "See `cause`.",
    cause: error,
  });
}

function failureOf(error: unknown): StoreFailure {
  const { errcode, code } = error as { errcode?: number; code?: string };
  if (errcode === refusedWrite) return "full";
  if (errcode !== undefined) return failures[errcode & 0xff] ?? "failed";
  return systemFailures[code ?? ""] ?? "failed";
}

/** True while another process holds the write lock. */
export function isBusy(error: unknown): boolean {
  return failureOf(error) === "locked";
}

/** SQLite's primary result codes (https://www.sqlite.org/rescode.html) that have an answer of their own. */
const failures: Readonly<Record<number, StoreFailure>> = {
  5: "locked",
  6: "locked",
  8: "read_only",
  10: "unavailable",
  11: "corrupt",
  13: "full",
  14: "unavailable",
  26: "corrupt",
};

/** SQLITE_IOERR_WRITE: what becomes of a quota or a limit on the size of files. */
const refusedWrite = 778;

/** Errors of the file system, before SQLite is asked. */
const systemFailures: Readonly<Record<string, StoreFailure>> = {
  EACCES: "read_only",
  EPERM: "read_only",
  EROFS: "read_only",
  ENOSPC: "full",
  EDQUOT: "full",
};

/** Advice for paths at which no file can be: asking again does not help. */
const pathAdvice: Readonly<Record<string, string>> = {
  EISDIR: "The path is a folder: give the path of a file, such as runs.sqlite inside it.",
  EEXIST: "A file stands where the folder of the path should be: choose another path, or move that file away.",
  ENOTDIR: "A file stands where the folder of the path should be: choose another path, or move that file away.",
};

const advice: Readonly<Partial<Record<StoreFailure, string>>> = {
  locked: "Another process holds its write lock: end it, or raise busyTimeoutMs.",
  read_only: "Let this user write to the file and to its folder, or choose another path.",
  corrupt: "Move the file away with its -wal and -shm beside it, and restore a backup or start with a new one.",
  full: "Free space on its disk, or raise the quota or limit that holds here; everything confirmed before is still there.",
  unavailable: "Check that its folder exists and that the disk is healthy, within its quota and not over a network.",
};
