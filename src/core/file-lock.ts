import { closeSync, openSync, rmSync, statSync } from "node:fs";
import { lazily } from "./lazily.ts";

const loadSqlite = lazily(() => import("node:sqlite"));

/** SQLITE_BUSY: another process holds the lock. */
const busy = 5;
/** SQLITE_IOERR, in the low byte: also of a file that was removed while it was opened. */
const ioError = 10;
const mostTries = 5;

/**
 * Takes a lock that every process of this machine sees, without waiting for it. The lock is the operating system's,
 * taken through SQLite: it ends with the process, however that ends. Its file goes when the lock is released.
 *
 * @returns a function that releases it; `undefined` where another process holds it
 */
export function tryFileLock(path: string): Promise<(() => void) | undefined> {
  return tryLock(path, mostTries);
}

/** @param tries how often a lock that is released meanwhile is tried again */
async function tryLock(path: string, tries: number): Promise<(() => void) | undefined> {
  const { DatabaseSync } = await loadSqlite();
  closeSync(openSync(path, "a", 0o600));
  const before = inodeOf(path);
  const database = new DatabaseSync(path);
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    const { errcode = 0 } = error as { errcode?: number };
    if (errcode === busy) return undefined;
    if ((errcode & 0xff) === ioError && tries > 1) return tryLock(path, tries - 1);
    throw error;
  }
  const release = () => {
    rmSync(path, { force: true });
    database.close();
  };
  // The file that was opened may have been released, and removed, in between: its lock then holds off no other process.
  if (inodeOf(path) === before) return release;
  database.close();
  return tryLock(path, tries);
}

function inodeOf(path: string): bigint | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false })?.ino;
}
