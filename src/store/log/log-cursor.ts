import { InvalidOptionsError } from "../../core/errors.ts";
import type { LoggedRun } from "./event-log.ts";

/** Place of a run in a list. */
export type LogPlace = Pick<LoggedRun, "startedMs" | "runId">;

/** Writes the place of the last run of a page as its cursor. */
export function cursorOf({ startedMs, runId }: LogPlace): string {
  return Buffer.from(JSON.stringify([startedMs, runId])).toString("base64url");
}

/**
 * Reads a cursor.
 *
 * @throws InvalidOptionsError for a text that no page gave
 */
export function placeOf(cursor: string): LogPlace {
  try {
    const [startedMs, runId] = JSON.parse(Buffer.from(cursor, "base64url").toString());
    if (typeof startedMs === "number" && typeof runId === "string") return { startedMs, runId };
  } catch {}
  throw new InvalidOptionsError([{ path: "cursor", given: cursor, allowed: "the cursor of an earlier page" }]);
}
