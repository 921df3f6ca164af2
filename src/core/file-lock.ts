import { lazily } from "./lazily.ts";

const loadSqlite = lazily(() => import("node:sqlite"));

/** SQLITE_BUSY: someone else holds the lock. */
const busy = 5;

/**
 * Takes a lock that every process of this machine sees, without waiting for it. The lock is the operating system's,
 * taken through SQLite: it ends with the process, however that ends. Its file stays, and is empty.
 *
 * @returns a function that lets go; `undefined` where someone else has it
 */
export async function tryFileLock(path: string): Promise<(() => void) | undefined> {
  const { DatabaseSync } = await loadSqlite();
  const database = new DatabaseSync(path);
  try {
    database.exec("BEGIN EXCLUSIVE");
    return () => database.close();
  } catch (error) {
    database.close();
    if ((error as { errcode?: number }).errcode === busy) return undefined;
    throw error;
  }
}
