import type { Random } from "../../src/core/random.ts";

/** One of several, each as often as it stands there. */
export function pick<T>(choices: readonly T[], random: Random): T {
  return choices[Math.floor(random.next() * choices.length)] as T;
}

/** A whole number from 0, below `end`. */
export function below(end: number, random: Random): number {
  return Math.floor(random.next() * end);
}

/** Whether something happens that happens in so many cases of a hundred. */
export function inPercent(percent: number, random: Random): boolean {
  return random.next() * 100 < percent;
}
