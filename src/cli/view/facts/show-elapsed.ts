import { showCount, showDuration } from "../../progress/format.ts";

/** A time that may be short. */
export function showElapsed(ms: number): string {
  return ms < 1000 ? `${showCount(Math.round(ms))} ms` : showDuration(ms);
}
