import { systemClock } from "../../core/clock.ts";
import type { OptionIssue } from "../../core/errors.ts";
import { InvalidOptionsError } from "../../core/errors.ts";
import type { PaceCost } from "../../guard/lanes.ts";
import { faultsInLimits, isUnder, type RateLimits, type ResolvedRateLimit } from "../../guard/limits.ts";
import type { PaceReservation, Pacer } from "../../guard/pacer.ts";
import { type BossDatabase, schema } from "./boss-database.ts";

/**
 * Job: let the calls of all workers on one database start no faster than their limits allow.
 * Boundary: knows rates alone; how many calls are in flight is each process's own affair.
 * Invariants:
 * 1. A reservation is one SQL statement on one row, whose lock puts the workers in order. Time is that of the database.
 * 2. Starts of a lane are apart by what they cost, so no window holds more than its rate and one call.
 * 3. No start is reserved further ahead than `aheadMs`: what a worker that dies had reserved is soon over.
 * 4. Calls of one process and key ask one after the other, in the order in which they came.
 */

/** Longest time by which a start is reserved before it comes. */
const aheadMs = 1_500;
/** Pause after a failure of the database: calls wait for it. */
const awayMs = 1_000;
/** Share of a rate that is used, so that no window of a second holds more than the rate because of late timers. */
const usedShare = 1000 / 1025;
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

/** A limit that workers share. */
interface SharedLane {
  readonly name: string;
  readonly msPerRequest: number;
  readonly msPerToken: number;
}

export class PostgresPacer implements Pacer {
  readonly #database: BossDatabase;
  readonly #lanes: readonly SharedLane[];
  /** Ends of the calls of a key that ask before the next one. */
  readonly #turns = new Map<string, Promise<unknown>>();
  #made: Promise<unknown> | undefined;

  /** @throws InvalidOptionsError naming every limit that cannot be kept */
  constructor(database: BossDatabase, limits: RateLimits) {
    const issues = [...faultsInLimits(limits), ...ofOneProcess(limits)];
    if (issues.length > 0) throw new InvalidOptionsError(issues);
    this.#database = database;
    this.#lanes = Object.entries(limits).map(([name, limit]) => laneOf(name, limit as ResolvedRateLimit));
  }

  async reserve(key: string, cost: PaceCost, signal: AbortSignal): Promise<PaceReservation> {
    signal.throwIfAborted();
    const lanes = this.#lanes.filter(({ name }) => isUnder(name, key));
    if (lanes.length === 0) return { settle: () => {} };
    const before = this.#turns.get(key);
    const turn = (async () => {
      await before?.catch(() => {});
      let waitMs = 0;
      for (const lane of lanes) waitMs = Math.max(waitMs, await this.#reserveIn(lane, key, cost, signal));
      return waitMs;
    })();
    this.#turns.set(key, turn);
    try {
      const waitMs = await turn;
      if (waitMs > 0) await systemClock.sleep(waitMs, { signal });
    } finally {
      if (this.#turns.get(key) === turn) this.#turns.delete(key);
    }
    return { settle: ({ tokens }) => void this.#correct(lanes, tokens - cost.tokens) };
  }

  pause(key: string, untilMs: number): void {
    const paused = this.#query(pausing, [key, Math.max(0, untilMs - systemClock.now())]).catch(() => {});
    // Connections of a pool overtake each other: the next call of this process asks once the pause is known.
    const turn = Promise.allSettled([this.#turns.get(key), paused]);
    this.#turns.set(key, turn);
    void turn.then(() => {
      if (this.#turns.get(key) === turn) this.#turns.delete(key);
    });
  }

  /** @returns milliseconds until the start that is reserved */
  async #reserveIn(
    { name, msPerRequest, msPerToken }: SharedLane,
    key: string,
    { requests, tokens }: PaceCost,
    signal: AbortSignal,
  ): Promise<number> {
    for (;;) {
      signal.throwIfAborted();
      const costs = [requests * msPerRequest, tokens * msPerToken];
      const rows = await this.#query(reserving, [name, key, ...costs]).catch(() => undefined);
      if (!rows) await systemClock.sleep(awayMs, { signal });
      else {
        const [{ is_granted, wait_ms }] = rows as [{ is_granted: boolean; wait_ms: number }];
        if (is_granted) return wait_ms;
        await systemClock.sleep(Math.max(1, wait_ms - aheadMs), { signal });
      }
    }
  }

  async #correct(lanes: readonly SharedLane[], tokens: number): Promise<void> {
    if (tokens === 0) return;
    for (const { name, msPerToken } of lanes)
      if (msPerToken > 0) await this.#query(correcting, [name, tokens * msPerToken]).catch(() => {});
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

function laneOf(name: string, { requestsPerMinute, tokensPerMinute }: ResolvedRateLimit): SharedLane {
  const msPer = (perMinute: number | undefined) => (perMinute === undefined ? 0 : 60_000 / usedShare / perMinute);
  return { name, msPerRequest: msPer(requestsPerMinute), msPerToken: msPer(tokensPerMinute) };
}

function ofOneProcess(limits: RateLimits): readonly OptionIssue[] {
  return Object.entries(Object(limits) as RateLimits).flatMap(([name, limit]) => {
    if (limit?.maxConcurrent === undefined) return [];
    const path = `limits[${JSON.stringify(name)}].maxConcurrent`;
    const message = `${path} is kept by one process alone. Leave it out, and choose the workers' concurrency.`;
    return [{ path, given: limit.maxConcurrent, allowed: "nothing in limits that workers share", message }];
  });
}
