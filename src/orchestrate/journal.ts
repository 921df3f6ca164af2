import type { Replicate } from "../contract/bundle.ts";
import type { ReplicateJournal } from "../contract/call.ts";
import { addUsage, type Usage, zeroUsage } from "../contract/usage.ts";
import type { FencingToken, RunStore } from "../store/store.ts";

/** A journal that also knows how much of it was used. */
export interface ClaimJournal extends ReplicateJournal {
  /** Usage of the replicates that were found, and so were not paid for again; `undefined` where there were none. */
  readonly journaledUsage: Usage | undefined;
}

/**
 * The journal of a claim: finds what earlier runs of the key paid for, and keeps what this one pays for.
 *
 * @param onStoreError decides what becomes of a replicate that could not be kept: it throws, or it lets the run go on
 */
export function createClaimJournal(
  store: RunStore,
  token: FencingToken,
  recorded: readonly Replicate[],
  onStoreError: (error: unknown) => void,
): ClaimJournal {
  const replicates = new Map(recorded.filter(({ valid }) => valid).map((replicate) => [keyOf(replicate), replicate]));
  let journaledUsage: Usage | undefined;
  return {
    get journaledUsage() {
      return journaledUsage;
    },
    find(replicateId, seed) {
      const replicate = replicates.get(keyOf({ id: replicateId, seed }));
      if (replicate) journaledUsage = addUsage(journaledUsage ?? zeroUsage(), replicate.usage ?? zeroUsage());
      return replicate;
    },
    append: (replicate) => store.append(token, replicate).catch(onStoreError),
  };
}

function keyOf({ id, seed }: { id: string; seed: number }): string {
  return `${id}:${seed}`;
}
