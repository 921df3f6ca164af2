/**
 * How many names there may be before those are forgotten of which nothing is known that counts: names may come without
 * end, as those of tools do that a program defines for each job.
 *
 * @param left how many the last time has left
 */
export function nextSweepSize(left = 0): number {
  return Math.max(1_000, 2 * left);
}
