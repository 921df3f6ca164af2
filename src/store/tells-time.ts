import type { Clock } from "../core/clock.ts";

/** Whether it is what a store needs of a clock. */
export function tellsTime(value: unknown): boolean {
  return typeof (value as Partial<Clock> | null | undefined)?.now === "function";
}
