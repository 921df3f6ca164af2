/**
 * Job: find what earlier runs of a key have paid for, and keep what this one pays for.
 * Boundary: knows the claim's token; what becomes of the run when the store fails is the caller's.
 * Invariants:
 * 1. A replicate is found by the tool that had asked for it and by no other, also where both were given the same seeds.
 * 2. What is journaled in this run is found as well: a bundle that is tried again as a whole asks only for the rest.
 * 3. `journaledUsage` counts each replicate of an earlier run once, however often it is found.
 */
import type { Replicate } from "../contract/bundle.ts";
import type { ReplicateJournal } from "../contract/call.ts";
import { addUsage, type Usage, zeroUsage } from "../contract/usage.ts";
import type { FencingToken, RunStore } from "../store/store.ts";

/** A journal that also knows how much of it was used. */
export interface ClaimJournal extends ReplicateJournal {
  /** Usage of the replicates that were found, and so were not paid for again; `undefined` where there were none. */
  readonly journaledUsage: Usage | undefined;
}

/** As it stands in the store. */
type JournaledReplicate = Replicate & { readonly toolName?: string };

/**
 * The journal of a claim.
 *
 * @param recorded what the claim came with
 * @param onStoreError decides what becomes of a replicate that could not be kept: it throws, or it lets the run go on
 */
export function createClaimJournal(
  store: RunStore,
  token: FencingToken,
  recorded: readonly JournaledReplicate[],
  onStoreError: (error: unknown) => void,
): ClaimJournal {
  const valid = recorded.filter((replicate) => replicate.valid);
  const earlier = new Map(valid.map(({ toolName = "", ...replicate }) => [keyOf(toolName, replicate), replicate]));
  const own = new Map<string, Replicate>();
  const found = new Set<Replicate>();
  return {
    get journaledUsage() {
      if (found.size === 0) return undefined;
      return [...found].reduce((sum, { usage = zeroUsage() }) => addUsage(sum, usage), zeroUsage());
    },
    find(toolName, replicateId, seed) {
      const key = keyOf(toolName, { id: replicateId, seed });
      const replicate = earlier.get(key);
      if (replicate) found.add(replicate);
      return replicate ?? own.get(key);
    },
    async append(toolName, replicate) {
      const journaled: JournaledReplicate = { ...replicate, toolName };
      await store.append(token, journaled).catch(onStoreError);
      own.set(keyOf(toolName, replicate), replicate);
    },
  };
}

function keyOf(toolName: string, { id, seed }: { id: string; seed: number }): string {
  return `${id}:${seed}:${toolName}`;
}
