import type { Replicate } from "../contract/bundle.ts";
import type { OrchestrationOutput } from "../contract/output.ts";

/**
 * The right to write under a key. `fence` is higher than that of every earlier claim on any key of the store, so that
 * a writer that lost its claim can be told from the holder (Gray and Cheriton 1989, on leases).
 */
export interface FencingToken {
  readonly key: string;
  readonly fence: number;
}

/** Lease and owner of a claim. */
export interface ClaimOptions {
  /** Length of the claim without `renew`, in milliseconds. */
  readonly leaseMs: number;
  /** Host and process id of the claimant, for people who look. */
  readonly owner: string;
}

/** Result of a claim. */
export type Claim =
  | {
      readonly state: "won";
      readonly token: FencingToken;
      /** Replicates that earlier runs of the same key and fingerprint journaled, by id (`r2` before `r10`) and seed. */
      readonly replicates: readonly Replicate[];
      /** Plan of an earlier run of the same key and fingerprint. */
      readonly plan?: unknown;
    }
  /** A run holds the key. `leaseEndsInMs` is 0 where a run of another fingerprint died and left its journal. */
  | { readonly state: "running"; readonly sameFingerprint: boolean; readonly leaseEndsInMs: number }
  | { readonly state: "settled"; readonly sameFingerprint: true; readonly output: OrchestrationOutput }
  | { readonly state: "settled"; readonly sameFingerprint: false };

/**
 * Store of the claims, the journal and the outputs of reliable runs. Every promise resolves only once its write
 * would survive what the store promises to survive; every one rejects with a `StoreError`.
 *
 * | a record | becomes | through |
 * | --- | --- | --- |
 * | unknown, released, past its retention | running | `claim` |
 * | running, its lease run out | running, with a new fence | `claim` of the same fingerprint |
 * | running | settled | `settle` |
 * | running | released, its journal kept | `release` |
 * | settled | settled, with another output | `replace` |
 *
 * The methods that take a token reject with `reason: "stale_token"` as soon as another run holds the claim, or it was
 * settled or released. Test a store of your own with `storeConformance` of `steer-llm-sdk/testing`.
 *
 * @example
 * ```ts
 * const store: RunStore = new MemoryStore();
 * const claim = await store.claim("order-17", "fingerprint of the request", { leaseMs: 30_000, owner: "host:4711" });
 * if (claim.state === "won") {
 *   // … the run, with `store.append(claim.token, replicate)` as each replicate ends
 *   await store.settle(claim.token, output, 3_600_000);
 * }
 * ```
 */
export interface RunStore {
  /** Takes the key, atomically among all processes on the store, or says why it cannot be had. */
  claim(key: string, fingerprint: string, options: ClaimOptions): Promise<Claim>;
  /** Lets the claim hold for `leaseMs` from now. */
  renew(token: FencingToken, leaseMs: number): Promise<void>;
  /** Keeps a plan, as JSON data, for a process that resumes the run. */
  savePlan(token: FencingToken, plan: unknown): Promise<void>;
  /** Journals a replicate under key, fingerprint, replicate id and seed; one that is there already is replaced. */
  append(token: FencingToken, replicate: Replicate): Promise<void>;
  /** Keeps the output for `ttlMs`, in place of the journal. */
  settle(token: FencingToken, output: OrchestrationOutput, ttlMs: number): Promise<void>;
  /** Gives the key back; its journal stays. */
  release(token: FencingToken): Promise<void>;
  /**
   * Reads the output of a settled key, with a token for `replace`; `undefined` where none is settled. `orchestrator.resolve`
   * needs this method and `replace`; a store without them keeps no run for review.
   */
  read?(key: string): Promise<SettledRun | undefined>;
  /** Puts another output in the place of the one that the token was read with, for `ttlMs`, in one atomic step. */
  replace?(token: FencingToken, output: OrchestrationOutput, ttlMs: number): Promise<void>;
  /** Ends the store's own work and connections. A second call does nothing. */
  close(): Promise<void>;
}

/** Output of a settled key, and the right to replace it while it stands. */
export interface SettledRun {
  readonly token: FencingToken;
  readonly output: OrchestrationOutput;
}

/** `abandoned` is a run whose lease ran out. */
export type RunState = "running" | "abandoned" | "released" | "settled";

/** A key as a list shows it. */
export interface RunRecord {
  readonly key: string;
  readonly fingerprint: string;
  readonly state: RunState;
  readonly owner: string;
  readonly fence: number;
  /** Milliseconds until the lease runs out; 0 where none holds. */
  readonly leaseEndsInMs: number;
  /** Milliseconds until the record may be swept. */
  readonly expiresInMs: number;
  readonly replicateCount: number;
}

/** All that is kept of a key. */
export interface RunDetails extends RunRecord {
  readonly plan?: unknown;
  /** Journaled under the record's fingerprint. */
  readonly replicates: readonly Replicate[];
  readonly output?: OrchestrationOutput | undefined;
}

/** Part of a list that is wanted. */
export interface ListOptions {
  /** Only keys after this one, in the order of their UTF-8 bytes: the last key of the page before. */
  readonly after?: string | undefined;
  /** Most records in the answer. Default: 100. */
  readonly limit?: number | undefined;
}

/** Work of people on a store, beside running on it. Nothing here removes a claim that is alive. */
export interface StoreAdministration {
  /** Keys in the order of their UTF-8 bytes. */
  list(options?: ListOptions): Promise<readonly RunRecord[]>;
  /** All that is kept of a key. */
  show(key: string): Promise<RunDetails | undefined>;
  /** Removes these keys with all they hold, except running ones. Resolves with how many it removed. */
  purge(keys: readonly string[]): Promise<number>;
  /** Removes what has expired. Stores do so by themselves, a little with the claims. Resolves with how many went. */
  sweep(): Promise<number>;
  /** Finds faults of the stored data, a sentence each. Empty: none. */
  verify(): Promise<readonly string[]>;
}

/** The stores of this package. */
export interface ManagedStore extends RunStore, StoreAdministration {
  read(key: string): Promise<SettledRun | undefined>;
  replace(token: FencingToken, output: OrchestrationOutput, ttlMs: number): Promise<void>;
}

/** The names by which an orchestrator opens these. */
export const storeNames = ["memory", "sqlite", "postgres"] as const;
export type StoreName = (typeof storeNames)[number];

/** Methods of an object that can serve as a store. */
export const storeMethods = [
  "claim",
  "renew",
  "savePlan",
  "append",
  "settle",
  "release",
  "close",
] as const satisfies readonly (keyof RunStore)[];

/** The phrase for what may be given as a store. */
export const allowedStores = `one of ${storeNames.map((name) => `"${name}"`).join(", ")}, or a RunStore (${storeMethods.join(", ")})`;

/** Retention of the journal of a run that never settled: 7 days. */
export const defaultJournalTtlMs = 7 * 24 * 3_600_000;
