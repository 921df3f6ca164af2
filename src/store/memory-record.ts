import { type Claimed, isAbandoned, isAlive } from "./claim-rule.ts";
import type { RunRecord } from "./store.ts";

/** What the memory store keeps of a key. */
export interface MemoryRecord extends Claimed {
  readonly fence: number;
  readonly owner: string;
  readonly plan?: string | undefined;
  readonly output?: string | undefined;
  readonly journal: MemoryJournal | undefined;
}

/** By fingerprint, replicate id and seed. */
export type MemoryJournal = Map<string, JournalEntry>;

export interface JournalEntry {
  readonly fingerprint: string;
  readonly replicateId: string;
  readonly seed: number;
  readonly body: string;
}

export function journalize(journal: MemoryJournal, entry: JournalEntry): void {
  journal.set(JSON.stringify([entry.fingerprint, entry.replicateId, entry.seed]), entry);
}

/** The journal of the record's own fingerprint, `r2` before `r10`. */
export function journalOf({ journal, fingerprint }: MemoryRecord): readonly JournalEntry[] {
  if (!journal) return [];
  return [...journal.values()]
    .filter((entry) => entry.fingerprint === fingerprint)
    .sort(
      (a, b) =>
        a.replicateId.length - b.replicateId.length || compareBytes(a.replicateId, b.replicateId) || a.seed - b.seed,
    );
}

export function describe(key: string, record: MemoryRecord, nowMs: number): RunRecord {
  return {
    key,
    fingerprint: record.fingerprint,
    owner: record.owner,
    fence: record.fence,
    state: isAbandoned(record, nowMs) ? "abandoned" : record.state,
    leaseEndsInMs: isAlive(record, nowMs) ? record.leaseEndsMs - nowMs : 0,
    expiresInMs: record.expiresMs - nowMs,
    replicateCount: journalOf(record).length,
  };
}

export function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
