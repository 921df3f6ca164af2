import type { Replicate } from "../contract/bundle.ts";
import type { StoreOperation } from "../contract/errors.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import { type Dialect, type Statement, type Statements, statements } from "./sql.ts";
import type {
  Claim,
  ClaimOptions,
  FencingToken,
  ListOptions,
  ManagedStore,
  RunDetails,
  RunRecord,
  SettledRun,
} from "./store.ts";
import { decodeJson, decodeKey, encodeJson, encodeKey, staleToken } from "./store-errors.ts";

/**
 * Job: the port over SQL, once for every database.
 * Boundary: knows statements and rows; a connection knows the database, its errors and its durability.
 * Invariants:
 * 1. Each method changes data by one statement, so it happens whole or not at all.
 * 2. A write under a token names its fence in the statement: a stale one changes nothing and is told so.
 * 3. Every 64th claim sweeps up to 128 expired records: a store never outgrows what is alive in it.
 * 4. No lease lasts longer than its length from the first claim that meets it, also where the clock was set back meanwhile.
 */

export type SqlValue = string | number | null;
export type SqlRow = Readonly<Record<string, any>>;

export interface SqlQuery {
  readonly operation: StoreOperation;
  readonly text: string;
  readonly values: SqlValue[];
}

/** One database. Every method rejects with a `StoreError`. */
export interface SqlConnection {
  readonly store: string;
  readonly dialect: Dialect;
  read(query: SqlQuery): Promise<readonly SqlRow[]>;
  /** Resolves once the change is durable. */
  write(query: SqlQuery): Promise<readonly SqlRow[]>;
  /** Faults that the database finds in itself. */
  check(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Values by the names that stand in a statement behind a `$`. */
type NamedValues = Readonly<Record<string, SqlValue>>;

const claimsPerSweep = 64;
const sweptPerClaim = 2;
const pageSize = 1000;

export class SqlStore implements ManagedStore {
  readonly #connection: SqlConnection;
  readonly #journalTtlMs: number;
  readonly #statements: Statements;
  #claims = 0;

  constructor(connection: SqlConnection, journalTtlMs: number) {
    this.#connection = connection;
    this.#journalTtlMs = journalTtlMs;
    this.#statements = statements(connection.dialect);
  }

  async claim(key: string, fingerprint: string, { leaseMs, owner }: ClaimOptions): Promise<Claim> {
    if (this.#claims++ % claimsPerSweep === 0) await this.#sweepSome("claim", claimsPerSweep * sweptPerClaim);
    const parameters = { key: this.#key(key, "claim"), fingerprint };
    const taking = { ...parameters, owner, leaseMs, journalTtlMs: this.#journalTtlMs };
    for (;;) {
      const [taken] = await this.#write("claim", this.#statements.take, taking);
      if (taken) return this.#won(key, fingerprint, taken);
      const [found] = await this.#read("claim", this.#statements.find, parameters);
      if (found?.["isAhead"]) await this.#write("claim", this.#statements.rebase, parameters);
      else if (found && !found["isClaimable"]) return this.#refusal(key, fingerprint, found);
    }
  }

  async renew(token: FencingToken, leaseMs: number): Promise<void> {
    await this.#writeHeld("renew", this.#statements.renew, token, { leaseMs, journalTtlMs: this.#journalTtlMs });
  }

  async savePlan(token: FencingToken, plan: unknown): Promise<void> {
    await this.#writeHeld("save_plan", this.#statements.savePlan, token, { plan: this.#encode(plan, "save_plan") });
  }

  async append(token: FencingToken, replicate: Replicate): Promise<void> {
    const { id, seed } = replicate;
    const body = this.#encode(replicate, "append");
    await this.#writeHeld("append", this.#statements.append, token, { replicate: id, seed, body });
  }

  async settle(token: FencingToken, output: OrchestrationOutput, ttlMs: number): Promise<void> {
    await this.#writeHeld("settle", this.#statements.settle, token, { output: this.#encode(output, "settle"), ttlMs });
  }

  async release(token: FencingToken): Promise<void> {
    await this.#writeHeld("release", this.#statements.release, token, { journalTtlMs: this.#journalTtlMs });
  }

  /** Reads the output of a settled key, with a token for `replace`; `undefined` where none is settled. */
  async read(key: string): Promise<SettledRun | undefined> {
    const [row] = await this.#read("read", this.#statements.read, { key: this.#key(key, "read") });
    if (!row) return undefined;
    return { token: { key, fence: row["fence"] }, output: this.#decode(row["output"], key, "read") };
  }

  /** Puts another output in the place of the one that the token was read with, in one statement. */
  async replace(token: FencingToken, output: OrchestrationOutput, ttlMs: number): Promise<void> {
    const replaced = { output: this.#encode(output, "replace"), ttlMs };
    await this.#writeHeld("replace", this.#statements.replace, token, replaced);
  }

  /** Keys in the order of their UTF-8 bytes. */
  async list({ after, limit = 100 }: ListOptions = {}): Promise<readonly RunRecord[]> {
    const parameters = { after: after === undefined ? "" : this.#key(after, "list"), limit };
    return (await this.#read("list", this.#statements.list, parameters)).map(toRecord);
  }

  /** All that is kept of a key. */
  async show(key: string): Promise<RunDetails | undefined> {
    const [row] = await this.#read("show", this.#statements.show, { key: this.#key(key, "show") });
    if (!row) return undefined;
    const { plan, output } = row;
    return {
      ...toRecord(row),
      replicates: await this.#journal(key, row["fingerprint"], "show"),
      ...(plan === null ? {} : { plan: this.#decode(plan, key, "show") }),
      ...(output === null ? {} : { output: this.#decode<OrchestrationOutput>(output, key, "show") }),
    };
  }

  async purge(keys: readonly string[]): Promise<number> {
    const purge = (key: string) => this.#write("purge", this.#statements.purge, { key: this.#key(key, "purge") });
    return (await Promise.all(keys.map(purge))).flat().length;
  }

  async sweep(): Promise<number> {
    let swept = 0;
    for (let page = pageSize; page === pageSize; swept += page) page = await this.#sweepSome("sweep", pageSize);
    return swept;
  }

  async verify(): Promise<readonly string[]> {
    const problems = [...(await this.#connection.check())];
    if (problems.length > 0) return problems;
    for (let page = await this.list(); page.length > 0; page = await this.list({ after: page.at(-1)?.key })) {
      for (const { key } of page) await this.show(key).catch((error: Error) => problems.push(error.message));
    }
    return problems;
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  #refusal(key: string, fingerprint: string, found: SqlRow): Claim {
    const sameFingerprint = found["fingerprint"] === fingerprint;
    if (found["state"] === "running")
      return { state: "running", sameFingerprint, leaseEndsInMs: found["leaseEndsInMs"] };
    if (!sameFingerprint) return { state: "settled", sameFingerprint };
    return { state: "settled", sameFingerprint, output: this.#decode(found["output"], key, "claim") };
  }

  async #won(key: string, fingerprint: string, { fence, claims, plan }: SqlRow): Promise<Claim> {
    return {
      state: "won",
      token: { key, fence },
      replicates: claims === 1 ? [] : await this.#journal(key, fingerprint, "claim"),
      ...(plan === null ? {} : { plan: this.#decode(plan, key, "claim") }),
    };
  }

  async #journal(key: string, fingerprint: string, operation: StoreOperation): Promise<Replicate[]> {
    const rows = await this.#read(operation, this.#statements.journal, { key: this.#key(key, operation), fingerprint });
    return rows.map(({ body }) => this.#decode<Replicate>(body, key, operation));
  }

  async #writeHeld(
    operation: StoreOperation,
    statement: Statement,
    token: FencingToken,
    named: NamedValues,
  ): Promise<void> {
    const key = this.#key(token.key, operation);
    const rows = await this.#write(operation, statement, { ...named, key, fence: token.fence });
    if (rows.length === 0) throw staleToken(this.#connection.store, operation, token);
  }

  async #sweepSome(operation: StoreOperation, limit: number): Promise<number> {
    return (await this.#write(operation, this.#statements.sweep, { limit })).length;
  }

  #read(operation: StoreOperation, statement: Statement, named: NamedValues): Promise<readonly SqlRow[]> {
    return this.#connection.read({ operation, text: statement.text, values: inOrder(statement, named) });
  }

  #write(operation: StoreOperation, statement: Statement, named: NamedValues): Promise<readonly SqlRow[]> {
    return this.#connection.write({ operation, text: statement.text, values: inOrder(statement, named) });
  }

  #key(key: string, operation: StoreOperation): string {
    return encodeKey(key, this.#connection.store, operation);
  }

  #encode(value: unknown, operation: StoreOperation): string {
    return encodeJson(value, this.#connection.store, operation);
  }

  #decode<T>(text: string, key: string, operation: StoreOperation): T {
    return decodeJson<T>(text, key, this.#connection.store, operation);
  }
}

/** Values in the order in which a statement wants them. */
export function inOrder({ names }: Statement, named: NamedValues): SqlValue[] {
  return names.map((name) => named[name] as SqlValue);
}

function toRecord(row: SqlRow): RunRecord {
  const { key, fingerprint, state, owner, fence, leaseEndsInMs, expiresInMs, replicateCount } = row;
  return { key: decodeKey(key), fingerprint, state, owner, fence, leaseEndsInMs, expiresInMs, replicateCount };
}
