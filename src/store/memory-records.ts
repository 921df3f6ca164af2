import { compareBytes } from "../core/compare-bytes.ts";
import { type Claimed, isAbandoned, isAlive } from "./claim-rule.ts";
import type { RunRecord } from "./store.ts";

/**
 * Job: hold the records of the memory store, and let go of those that have had their time.
 * Boundary: knows which keys run and which rest; the store decides which may run.
 * Invariants:
 * 1. Past `maxEntries`, and once it has expired, the record that came to rest first goes; a running one never does.
 * 2. Claims look through what is running faster than it can grow, and remove what was abandoned and has expired.
 */

/** Running keys that a claim looks at: one more than it can add. */
const looksPerClaim = 2;

export class MemoryRecords {
  readonly #maxEntries: number;
  readonly #records = new Map<string, MemoryRecord>();
  /** Keys without a run. */
  readonly #resting = new KeyQueue();
  /** Keys with a run, also an abandoned one. Each claim looks at the first few, and puts them last. */
  readonly #running = new KeyQueue();

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  get(key: string): MemoryRecord | undefined {
    return this.#records.get(key);
  }

  keys(): Iterable<string> {
    return this.#records.keys();
  }

  /** A run of the key starts. */
  run(key: string, record: MemoryRecord, nowMs: number): void {
    this.#records.set(key, record);
    this.#resting.delete(key);
    this.#running.add(key);
    this.#evict(nowMs);
    this.#evictAbandoned(nowMs);
  }

  /** The run of the key goes on, with another record. */
  update(key: string, record: MemoryRecord): void {
    this.#records.set(key, record);
  }

  /** The run of the key has ended. */
  rest(key: string, record: MemoryRecord, nowMs: number): void {
    this.#records.set(key, record);
    this.#running.delete(key);
    this.#resting.add(key);
    this.#evict(nowMs);
  }

  removeWhere(keys: Iterable<string>, isRemovable: (record: MemoryRecord) => boolean): number {
    let removed = 0;
    for (const key of keys) {
      const record = this.#records.get(key);
      if (!record || !isRemovable(record)) continue;
      this.#remove(key);
      removed++;
    }
    return removed;
  }

  clear(): void {
    this.#records.clear();
    this.#resting.clear();
    this.#running.clear();
  }

  #evict(nowMs: number): void {
    for (let key = this.#resting.first; key !== undefined; key = this.#resting.first) {
      const isExpired = (this.#records.get(key) as MemoryRecord).expiresMs <= nowMs;
      if (!isExpired && this.#records.size <= this.#maxEntries) return;
      this.#remove(key);
    }
  }

  /** Removes abandoned runs whose journal has expired. */
  #evictAbandoned(nowMs: number): void {
    for (let looks = 0; looks < looksPerClaim; looks++) {
      const key = this.#running.first;
      if (key === undefined) return;
      this.#running.delete(key);
      if ((this.#records.get(key) as MemoryRecord).expiresMs <= nowMs) this.#records.delete(key);
      else this.#running.add(key);
    }
  }

  #remove(key: string): void {
    this.#resting.delete(key);
    this.#running.delete(key);
    this.#records.delete(key);
  }
}

/**
 * Keys in the order in which they came. The first one costs the same to find however many have left: a new walk through
 * a `Set` begins with the places of those, so that this one is never begun anew.
 */
export class KeyQueue {
  readonly #keys = new Set<string>();
  #walk = this.#keys.values();
  #first: string | undefined;

  get first(): string | undefined {
    this.#first ??= this.#next();
    return this.#first;
  }

  /** One that is there keeps its place. */
  add(key: string): void {
    this.#keys.add(key);
  }

  delete(key: string): void {
    this.#keys.delete(key);
    if (key === this.#first) this.#first = undefined;
  }

  clear(): void {
    this.#keys.clear();
    this.#first = undefined;
  }

  #next(): string | undefined {
    const { value, done } = this.#walk.next();
    if (!done) return value;
    // A walk that has come to its end sees nothing of what is added later.
    this.#walk = this.#keys.values();
    return this.#walk.next().value;
  }
}

/** Record of a key in memory. */
export interface MemoryRecord extends Claimed {
  readonly fence: number;
  readonly owner: string;
  readonly plan?: string | undefined;
  readonly output?: string | undefined;
  readonly journal: MemoryJournal | undefined;
}

/** Replicates by fingerprint, replicate id and seed. */
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
