import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { tryFileLock } from "../../core/file-lock.ts";
import { CommandError } from "../command-error.ts";

/**
 * Holds a file for this process alone, so that two jobs never write it at once. The lock stands in the temporary folder.
 *
 * @returns a function that lets go
 * @throws CommandError where another process holds the file
 */
export async function lockFile(path: string): Promise<() => void> {
  const name = createHash("sha256").update(resolve(path)).digest("hex").slice(0, 32);
  const release = await tryFileLock(join(tmpdir(), `steer-${name}.lock`));
  if (release) return release;
  throw new CommandError(`${path} is being written by another steer. Wait for it, or give another --output.`);
}
