import { showValue } from "../core/errors.ts";
import type { Claim } from "./store.ts";

/**
 * What a store of somebody's own says that a claim met.
 *
 * @throws TypeError saying what it gave and what is wanted: a run must not go on without its key by mistake
 */
export function checkedClaim(given: unknown): Claim {
  const claim = Object(given) as Record<string, any>;
  const { state, sameFingerprint } = claim;
  if (state === "won") expect(given, isToken(claim["token"]) && areReplicates(claim["replicates"]), won);
  else if (state === "running") expect(given, isBoolean(sameFingerprint) && claim["leaseEndsInMs"] >= 0, running);
  else expect(given, state === "settled" && isBoolean(sameFingerprint), `${won}, ${running}, or ${settled}`);
  if (state === "settled" && sameFingerprint) expect(given, isOutput(claim["output"]), settled);
  return given as Claim;
}

const won = '{ state: "won", token: { key, fence }, replicates: […] }';
const running = '{ state: "running", sameFingerprint, leaseEndsInMs: 0 or more }';
const settled =
  '{ state: "settled", sameFingerprint, output: what settle was given, where the fingerprint is the same }';

function expect(given: unknown, fits: boolean, wanted: string): void {
  if (!fits) throw new TypeError(`claim gave ${showValue(given)}; wanted: ${wanted}`);
}

function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

function isToken(token: any): boolean {
  return typeof token?.key === "string" && typeof token.fence === "number";
}

function areReplicates(replicates: unknown): boolean {
  return Array.isArray(replicates) && replicates.every((replicate) => typeof replicate?.id === "string");
}

function isOutput(output: any): boolean {
  return typeof output?.status === "string" && Object(output.metadata) === output.metadata;
}
