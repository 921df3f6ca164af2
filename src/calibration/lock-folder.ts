import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../core/clock.ts";
import { tryFileLock } from "../core/file-lock.ts";
import { lockedFolder } from "./storage-error.ts";

const pollMs = 20;
const longestWaitMs = 5_000;

/**
 * Keeps other processes from writing in a folder, which is made where it is missing.
 *
 * @returns a function that lets go
 * @throws StoreError where another process holds it for too long
 */
export async function lockFolder(path: string, clock: Clock): Promise<() => void> {
  await mkdir(path, { recursive: true });
  const deadlineMs = clock.now() + longestWaitMs;
  for (;;) {
    const release = await tryFileLock(join(path, ".lock"));
    if (release) return release;
    if (clock.now() >= deadlineMs) throw lockedFolder(path, longestWaitMs);
    await clock.sleep(pollMs);
  }
}
