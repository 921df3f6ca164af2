import { aheadMs, type PaceGrant, type SharedPace } from "../shared-pacer.ts";
import { type BossDatabase, schema } from "./boss-database.ts";

const table = `${schema}.pace`;
const now = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS double precision)";
const pausedUntil = `COALESCE((SELECT paused_until FROM ${table} WHERE name = $2), 0)`;
const start = `GREATEST(${now}, p.requests_at, p.tokens_at, ${pausedUntil})`;
const isNear = `${start} <= ${now} + ${aheadMs}`;

const making = `
  SELECT pg_advisory_xact_lock(hashtext('${table}'));
  CREATE TABLE IF NOT EXISTS ${table} (
    name text PRIMARY KEY, requests_at double precision NOT NULL DEFAULT 0, tokens_at double precision NOT NULL DEFAULT 0,
    paused_until double precision NOT NULL DEFAULT 0, is_granted boolean NOT NULL DEFAULT true)`;

/** Reserves the next start of a lane, by the generic cell rate algorithm; says how long to wait where it is too far ahead. */
const reserving = `
  INSERT INTO ${table} AS p (name, requests_at, tokens_at)
  VALUES ($1, GREATEST(${now}, ${pausedUntil}) + $3, GREATEST(${now}, ${pausedUntil}) + $4)
  ON CONFLICT (name) DO UPDATE SET is_granted = ${isNear},
    requests_at = CASE WHEN ${isNear} THEN ${start} + $3 ELSE p.requests_at END,
    tokens_at = CASE WHEN ${isNear} THEN ${start} + $4 ELSE p.tokens_at END
  RETURNING is_granted, CASE WHEN is_granted THEN requests_at - $3 ELSE ${start} END - ${now} AS wait_ms`;

const correcting = `UPDATE ${table} SET tokens_at = GREATEST(${now}, tokens_at + $2) WHERE name = $1`;
const pausing = `
  INSERT INTO ${table} AS p (name, paused_until) VALUES ($1, ${now} + $2)
  ON CONFLICT (name) DO UPDATE SET paused_until = GREATEST(p.paused_until, excluded.paused_until)`;

/** Reservations in a table of the queue's database. A row's lock puts the workers in order; time is the database's. */
export class PostgresPace implements SharedPace {
  readonly #database: BossDatabase;
  #made: Promise<unknown> | undefined;

  constructor(database: BossDatabase) {
    this.#database = database;
  }

  async reserve(lane: string, key: string, costs: readonly [number, number]): Promise<PaceGrant> {
    const [row] = await this.#query(reserving, [lane, key, ...costs]);
    return { isGranted: row.is_granted, waitMs: row.wait_ms };
  }

  async correct(lane: string, tokensMs: number): Promise<void> {
    await this.#query(correcting, [lane, tokensMs]);
  }

  async pause(key: string, ms: number): Promise<void> {
    await this.#query(pausing, [key, ms]);
  }

  async #query(text: string, values: unknown[]): Promise<readonly any[]> {
    this.#made ??= this.#database.query(making).catch((error) => {
      this.#made = undefined;
      throw error;
    });
    await this.#made;
    return this.#database.query(text, values);
  }
}
