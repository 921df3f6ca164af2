import { writeSync } from "node:fs";
import { StoreError } from "../../../src/contract/errors.ts";
import type { FencingToken, ManagedStore } from "../../../src/store/store.ts";
import { sampleOutput, sampleReplicate } from "../../../src/testing/store-conformance/law.ts";
import { openAt, type Place, task } from "../../support/place.ts";

/**
 * Writes run after run, several at a time, and says each thing that the store has confirmed, until it is killed or the
 * store refuses. A journal of three, then an output; every third run stays open.
 */
const { place, leaseMs } = task<{ place: Place; leaseMs: number }>();
const store = openAt(place);
const lanes = 4;

const say = (fact: object) => writeSync(1, `${JSON.stringify(fact)}\n`);

async function writeRun(key: string, isSettled: boolean): Promise<void> {
  const claim = await store.claim(key, "fingerprint", { leaseMs, owner: "writer" });
  if (claim.state !== "won") throw new Error(`No other process uses ${key}, and it was ${claim.state}.`);
  say({ claimed: key });
  for (let index = 0; index < 3; index++) await journal(store, claim.token, index);
  if (!isSettled) return;
  await store.settle(claim.token, sampleOutput(key), 3_600_000);
  say({ settled: key });
}

async function journal(store: ManagedStore, token: FencingToken, index: number): Promise<void> {
  await store.append(token, sampleReplicate(index, `${token.key} ${"x".repeat(500)}`));
  say({ journaled: token.key, index });
}

async function writeOn(lane: number): Promise<void> {
  for (let run = 0; ; run++) await writeRun(`${lane}-${run}`, run % 3 !== 2);
}

await Promise.all(Array.from({ length: lanes }, (_, lane) => writeOn(lane))).catch((error) => {
  if (!StoreError.isInstance(error)) throw error;
  say({ refused: error.reason, message: error.message });
  process.exit(0);
});
