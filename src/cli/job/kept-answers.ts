import { GivenStore } from "../../store/given-store.ts";
import { SqliteStore } from "../../store/sqlite.ts";
import type { Claim, RunStore } from "../../store/store.ts";
import type { JobFlags } from "./job-flags.ts";

/**
 * Returns the store of the answers that jobs of this folder have paid for. Jobs that write no file keep none. With `--fresh` the
 * store has forgotten what it holds: answers are asked for anew, and kept in place of the earlier ones.
 */
export function answersOf({ output, fresh }: JobFlags): RunStore | undefined {
  if (output === undefined) return undefined;
  const store = new SqliteStore();
  return fresh ? new ForgetfulStore(store) : store;
}

class ForgetfulStore extends GivenStore {
  override async claim(...asked: Parameters<RunStore["claim"]>): Promise<Claim> {
    const claim = await super.claim(...asked);
    return claim.state === "won" ? { ...claim, replicates: [] } : claim;
  }
}
