/**
 * Job: find what earlier runs of a key have paid for, and keep what this one pays for.
 * Boundary: knows the claim; what becomes of the run when the store fails is the caller's.
 * Invariants:
 * 1. A replicate is found at its own place: where the same tool asks the same model the same question again; one of an
 *    earlier run only where the caller can still use it.
 * 2. Answers journaled in this run are found too: a bundle that is tried again as a whole asks only for the rest.
 * 3. `journaledUsage` counts each replicate of an earlier run once, however often it is found.
 */
import type { Replicate } from "../../contract/bundle.ts";
import { jsonOf } from "../../contract/bundle-json.ts";
import type { ReplicateJournal, ReplicatePlace } from "../../contract/call.ts";
import { addUsage, type Usage, zeroUsage } from "../../contract/usage.ts";

/** A journal that also knows how much of it was used. */
export interface ClaimJournal extends ReplicateJournal {
  /** Usage of the replicates that were found, and so were not paid for again; `undefined` where there were none. */
  journaledUsage(): Usage | undefined;
}

/**
 * The journal of a claim.
 *
 * @param recorded what the claim came with
 * @param keep puts a replicate into the store and says why that failed; it throws where the run may not go on then
 */
export function createClaimJournal(
  recorded: readonly Replicate[],
  keep: (replicate: Replicate) => Promise<string | undefined>,
): ClaimJournal {
  const earlier = new Map(recorded.filter(({ valid }) => valid).map((replicate) => [keyOf(replicate), replicate]));
  const own = new Map<string, Replicate>();
  const unkept = new Map<string, string>();
  const found = new Set<Replicate>();
  return {
    journaledUsage() {
      if (found.size === 0) return undefined;
      return [...found].reduce((sum, { usage = zeroUsage() }) => addUsage(sum, usage), zeroUsage());
    },
    async find(place, read) {
      const key = keyOf(journaledAs(place));
      const kept = own.get(key) ?? earlier.get(key);
      const replicate = kept && (await read(kept));
      if (replicate && !own.has(key)) found.add(kept);
      return replicate;
    },
    whyUnkept: (place) => unkept.get(keyOf(journaledAs(place))),
    async append(place, replicate) {
      const journaled = { ...replicate, data: jsonOf(replicate), ...journaledAs(place) };
      const key = keyOf(journaled);
      const reason = await keep(journaled);
      own.set(key, replicate);
      if (reason !== undefined) unkept.set(key, reason);
      return reason;
    },
  };
}

/** Id of the replicate of a place in the store: `triage/r1@3fa2…`, and `triage/2/r1@9c1e…` for the second model. */
function journaledAs({ toolName, stage, index, seed, question }: ReplicatePlace): { id: string; seed: number } {
  const id = [toolName, ...(stage > 0 ? [stage + 1] : []), `r${index + 1}`].join("/");
  return { id: `${id}@${question}`, seed };
}

function keyOf({ id, seed }: { id: string; seed: number }): string {
  return `${id}:${seed}`;
}
