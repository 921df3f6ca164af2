import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { CommandError } from "../command-error.ts";

/**
 * Holds a file for this process alone, so that two jobs never write it at once. The lock is the operating system's, taken
 * through SQLite: it ends with the process, however that ends. Its own empty file stays in the temporary folder.
 *
 * @returns a function that lets go
 * @throws CommandError where another process holds the file
 */
export async function lockFile(path: string): Promise<() => void> {
  const { DatabaseSync } = await import("node:sqlite");
  const name = createHash("sha256").update(resolve(path)).digest("hex").slice(0, 32);
  const database = new DatabaseSync(join(tmpdir(), `steer-${name}.lock`));
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    throw new CommandError(`${path} is being written by another steer. Wait for it, or give another --output.`, {
      cause: error,
    });
  }
  return () => database.close();
}
