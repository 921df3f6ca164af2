import * as v from "valibot";
import type { Replicate } from "../contract/bundle.ts";
import type { StoreOperation } from "../contract/errors.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { compareBytes } from "../core/compare-bytes.ts";
import {
  checkedBy,
  declareOptions,
  milliseconds,
  type OptionsInput,
  resolveOptions,
  wholeNumber,
} from "../core/options.ts";
import { type Claimed, isAlive, isClaimable, tellsTime } from "./claim-rule.ts";
import { describe, journalize, journalOf, type MemoryRecord, MemoryRecords } from "./memory-records.ts";
import {
  type Claim,
  type ClaimOptions,
  defaultJournalTtlMs,
  type FencingToken,
  type ListOptions,
  type ManagedStore,
  type RunDetails,
  type RunRecord,
  type SettledRun,
} from "./store.ts";
import { decodeJson, encodeJson, encodeKey, staleToken, storeClosed } from "./store-errors.ts";

/**
 * Job: keep claims, journals and outputs in this process.
 * Boundary: survives nothing; no other process sees it.
 * Invariants:
 * 1. Each method does its work in one synchronous step, so no two calls interleave.
 * 2. Values are kept as JSON text: no reference leads into the store.
 */

export const memoryStoreOptions = declareOptions("MemoryStoreOptions", "new MemoryStore(…)", {
  /** Most keys that are kept; more only while more are running. */
  maxEntries: v.optional(wholeNumber({ minimum: 1, unit: "keys" }), 10_000),
  /** Retention of the journal of a run that never settled. Default: 7 days. */
  journalTtlMs: v.optional(milliseconds(), defaultJournalTtlMs),
  /** Clock of the leases. Default: the real clock. */
  clock: v.optional(checkedBy<Pick<Clock, "now">>(tellsTime, "an object with a now function"), systemClock),
});

/** Size and retention of a store in memory. */
export interface MemoryStoreOptions extends OptionsInput<typeof memoryStoreOptions> {}

/**
 * A store for one process: the default, for tests and for programs whose keys need not survive a restart.
 *
 * @example
 * ```ts
 * const orchestrator = new ReliableOrchestrator({ store: new MemoryStore({ maxEntries: 1_000 }) });
 * ```
 */
export class MemoryStore implements ManagedStore {
  readonly #journalTtlMs: number;
  readonly #clock: Pick<Clock, "now">;
  readonly #records: MemoryRecords;
  #lastFence = 0;
  #isClosed = false;

  /** @throws InvalidOptionsError */
  constructor(options?: MemoryStoreOptions) {
    const { maxEntries, journalTtlMs, clock } = resolveOptions(memoryStoreOptions, options);
    this.#records = new MemoryRecords(maxEntries);
    this.#journalTtlMs = journalTtlMs;
    this.#clock = clock;
  }

  async claim(key: string, fingerprint: string, options: ClaimOptions): Promise<Claim> {
    const nowMs = this.#nowUnlessClosed("claim");
    encodeKey(key, "memory", "claim");
    this.#rebase(key, nowMs);
    const found = this.#records.get(key);
    if (!found || isClaimable(found, fingerprint, nowMs)) return this.#take(key, fingerprint, options, nowMs);
    const sameFingerprint = found.fingerprint === fingerprint;
    if (found.state !== "settled")
      return { state: "running", sameFingerprint, leaseEndsInMs: Math.max(0, found.leaseEndsMs - nowMs) };
    if (!sameFingerprint) return { state: "settled", sameFingerprint };
    return { state: "settled", sameFingerprint, output: this.#decode(found.output ?? "null", key, "claim") };
  }

  async renew(token: FencingToken, leaseMs: number): Promise<void> {
    const record = this.#held(token, "renew");
    this.#records.update(token.key, { ...record, ...this.#lease(this.#clock.now(), leaseMs) });
  }

  async savePlan(token: FencingToken, plan: unknown): Promise<void> {
    const record = this.#held(token, "save_plan");
    this.#records.update(token.key, { ...record, plan: encodeJson(plan, "memory", "save_plan") });
  }

  async append(token: FencingToken, replicate: Replicate): Promise<void> {
    const record = this.#held(token, "append");
    const { id: replicateId, seed } = replicate;
    const body = encodeJson(replicate, "memory", "append");
    const journal = record.journal ?? new Map();
    journalize(journal, { fingerprint: record.fingerprint, replicateId, seed, body });
    this.#records.update(token.key, { ...record, journal });
  }

  async settle(token: FencingToken, output: OrchestrationOutput, ttlMs: number): Promise<void> {
    const record = this.#held(token, "settle");
    const text = encodeJson(output, "memory", "settle");
    const nowMs = this.#clock.now();
    const expiresMs = nowMs + ttlMs;
    this.#records.rest(token.key, { ...record, state: "settled", expiresMs, output: text, journal: undefined }, nowMs);
  }

  async release(token: FencingToken): Promise<void> {
    const record = this.#held(token, "release");
    const nowMs = this.#clock.now();
    this.#records.rest(token.key, { ...record, state: "released", expiresMs: nowMs + this.#journalTtlMs }, nowMs);
  }

  async read(key: string): Promise<SettledRun | undefined> {
    const record = this.#settled(key, this.#nowUnlessClosed("read"));
    if (!record) return undefined;
    return { token: { key, fence: record.fence }, output: this.#decode(record.output ?? "null", key, "read") };
  }

  async replace(token: FencingToken, output: OrchestrationOutput, ttlMs: number): Promise<void> {
    const nowMs = this.#nowUnlessClosed("replace");
    const record = this.#settled(token.key, nowMs);
    if (record?.fence !== token.fence) throw staleToken("memory", "replace", token);
    const text = encodeJson(output, "memory", "replace");
    const replaced = { ...record, fence: ++this.#lastFence, output: text, expiresMs: nowMs + ttlMs };
    this.#records.update(token.key, replaced);
  }

  /** Keys in the order of their UTF-8 bytes. */
  async list(options: ListOptions = {}): Promise<readonly RunRecord[]> {
    const nowMs = this.#nowUnlessClosed("list");
    const after = options.after;
    return [...this.#records.keys()]
      .filter((key) => after === undefined || compareBytes(key, after) > 0)
      .sort(compareBytes)
      .slice(0, options.limit ?? 100)
      .map((key) => describe(key, this.#records.get(key) as MemoryRecord, nowMs));
  }

  /** All that is kept of a key. */
  async show(key: string): Promise<RunDetails | undefined> {
    const nowMs = this.#nowUnlessClosed("show");
    const record = this.#records.get(key);
    if (!record) return undefined;
    const { plan, output } = record;
    return {
      ...describe(key, record, nowMs),
      replicates: this.#replicates(key, record, "show"),
      ...(plan === undefined ? {} : { plan: this.#decode(plan, key, "show") }),
      ...(output === undefined ? {} : { output: this.#decode<OrchestrationOutput>(output, key, "show") }),
    };
  }

  async purge(keys: readonly string[]): Promise<number> {
    const nowMs = this.#nowUnlessClosed("purge");
    return this.#records.removeWhere(keys, (record) => !isAlive(record, nowMs));
  }

  async sweep(): Promise<number> {
    const nowMs = this.#nowUnlessClosed("sweep");
    return this.#records.removeWhere(this.#records.keys(), (record) => record.expiresMs <= nowMs);
  }

  async verify(): Promise<readonly string[]> {
    this.#nowUnlessClosed("verify");
    return [];
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#records.clear();
  }

  #take(key: string, fingerprint: string, { leaseMs, owner }: ClaimOptions, nowMs: number): Claim {
    const before = this.#records.get(key);
    const isResumed = before?.fingerprint === fingerprint && before.state !== "settled";
    const record: MemoryRecord = {
      fingerprint,
      state: "running",
      owner,
      fence: ++this.#lastFence,
      ...this.#lease(nowMs, leaseMs),
      plan: isResumed ? before.plan : undefined,
      journal: before?.journal,
    };
    this.#records.run(key, record, nowMs);
    return {
      state: "won",
      token: { key, fence: record.fence },
      replicates: this.#replicates(key, record, "claim"),
      ...(record.plan === undefined ? {} : { plan: this.#decode(record.plan, key, "claim") }),
    };
  }

  /** After the clock is set back, a lease lasts no longer than its length from the first claim that meets it. */
  #rebase(key: string, nowMs: number): void {
    const record = this.#records.get(key);
    if (record?.state === "running" && record.leaseEndsMs > nowMs + record.leaseMs)
      this.#records.update(key, { ...record, leaseEndsMs: nowMs + record.leaseMs });
  }

  #lease(nowMs: number, leaseMs: number): Pick<Claimed, "leaseMs" | "leaseEndsMs" | "expiresMs"> {
    return { leaseMs, leaseEndsMs: nowMs + leaseMs, expiresMs: nowMs + leaseMs + this.#journalTtlMs };
  }

  #held(token: FencingToken, operation: StoreOperation): MemoryRecord {
    if (this.#isClosed) throw storeClosed("memory", operation);
    const record = this.#records.get(token.key);
    if (record?.fence === token.fence && record.state === "running") return record;
    throw staleToken("memory", operation, token);
  }

  #settled(key: string, nowMs: number): MemoryRecord | undefined {
    const record = this.#records.get(key);
    return record?.state === "settled" && record.expiresMs > nowMs ? record : undefined;
  }

  #replicates(key: string, record: MemoryRecord, operation: StoreOperation): Replicate[] {
    return journalOf(record).map(({ body }) => this.#decode<Replicate>(body, key, operation));
  }

  #decode<T>(text: string, key: string, operation: StoreOperation): T {
    return decodeJson<T>(text, key, "memory", operation);
  }

  #nowUnlessClosed(operation: StoreOperation): number {
    if (this.#isClosed) throw storeClosed("memory", operation);
    return this.#clock.now();
  }
}
