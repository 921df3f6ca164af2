import type { Clock } from "../core/clock.ts";
import type { RunState } from "./store.ts";

/** Facts of a record that decide whether its key can be claimed. */
export interface Claimed {
  readonly fingerprint: string;
  readonly state: Exclude<RunState, "abandoned">;
  readonly leaseMs: number;
  readonly leaseEndsMs: number;
  readonly expiresMs: number;
}

/** Returns true where a run of this fingerprint may take the key, given the record under it. */
export function isClaimable(record: Claimed | undefined, fingerprint: string, nowMs: number): boolean {
  if (!record || record.state === "released" || record.expiresMs <= nowMs) return true;
  return isAbandoned(record, nowMs) && record.fingerprint === fingerprint;
}

export function isAbandoned(record: Claimed, nowMs: number): boolean {
  return record.state === "running" && record.leaseEndsMs <= nowMs;
}

export function isAlive(record: Claimed, nowMs: number): boolean {
  return record.state === "running" && record.leaseEndsMs > nowMs;
}

/** Returns true for a clock that a store can use. */
export function tellsTime(value: unknown): boolean {
  return typeof (value as Partial<Clock> | null | undefined)?.now === "function";
}
