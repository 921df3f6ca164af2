import type { Sample } from "./data-set.ts";

/** The answer most samples give; of tied ones the first to reach the count; `undefined` without a valid sample. */
export function plurality(samples: readonly Sample[]): unknown {
  const votes = new Map<string, number>();
  let [most, winner] = [0, undefined as unknown];
  for (const { key, valid, data } of samples) {
    if (!valid) continue;
    const count = (votes.get(key) ?? 0) + 1;
    votes.set(key, count);
    if (count > most) [most, winner] = [count, data];
  }
  return winner;
}
