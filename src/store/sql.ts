/** Differences between the databases, as SQL. */
export interface Dialect {
  /** Milliseconds since 1970, by the clock of the leases. */
  readonly now: string;
  /** A number higher than every one before it. */
  readonly nextFence: string;
  /** Orders keys by their bytes. */
  readonly byteOrder: string;
  /** Keeps others from changing the rows that are read, until what they are read for is written. */
  readonly forShare: string;
  /** Takes rows that no other statement is changing. */
  readonly skipLocked: string;
  /** Writes the nth value of a statement, from 1. */
  placeholder(n: number): string;
  /**
   * Creates what `nextFence` counts with, and what clears the journal of a key that settles. Fences count from the time in
   * milliseconds: a token of data that was deleted is then no token of what stands in its place.
   */
  readonly automatics: string;
}

/** The schema, a script per version; version n is the first n scripts. A script that was released never changes. */
export function migrations({ byteOrder, automatics }: Dialect): readonly string[] {
  return [
    `CREATE TABLE steer_run (
       key text ${byteOrder} PRIMARY KEY,
       fingerprint text NOT NULL,
       state text NOT NULL CHECK (state IN ('running', 'released', 'settled')),
       fence bigint NOT NULL,
       claims bigint NOT NULL,
       owner text NOT NULL,
       lease_ends_ms double precision NOT NULL,
       expires_ms double precision NOT NULL,
       plan text,
       output text
     );
     CREATE INDEX steer_run_expires ON steer_run (expires_ms);
     CREATE TABLE steer_replicate (
       key text ${byteOrder} NOT NULL REFERENCES steer_run (key) ON DELETE CASCADE,
       fingerprint text NOT NULL,
       replicate text NOT NULL,
       seed bigint NOT NULL,
       body text NOT NULL,
       PRIMARY KEY (key, fingerprint, replicate, seed)
     );
     ${automatics}`,
    "ALTER TABLE steer_run ADD COLUMN lease_ms double precision",
  ];
}

/** A statement as drivers take it, and which values it wants, in their order. */
export interface Statement {
  readonly text: string;
  readonly names: readonly string[];
}

export type Statements = Readonly<Record<keyof ReturnType<typeof namedStatements>, Statement>>;

/** Every statement of a store. Each is atomic by itself, so a store needs no transaction around two of them. */
export function statements(dialect: Dialect): Statements {
  const named = Object.entries(namedStatements(dialect));
  return Object.fromEntries(named.map(([name, sql]) => [name, positional(sql, dialect)])) as Statements;
}

/** Writes a statement with named values, `$key`, as drivers take it. */
export function positional(sql: string, { placeholder }: Pick<Dialect, "placeholder">): Statement {
  const names: string[] = [];
  const text = sql.replace(/\$(\w+)/g, (_, name: string) => placeholder(names.push(name)));
  return { text, names };
}

function namedStatements({ now, nextFence, forShare, skipLocked }: Dialect) {
  const alive = `(state = 'running' AND lease_ends_ms > ${now})`;
  /** More is left of the lease than it was long: the clock was set back. */
  const ahead = `(state = 'running' AND lease_ends_ms > ${now} + lease_ms)`;
  const held = "key = $key AND fence = $fence AND state = 'running'";
  /** The rule of `isClaimable`, for the claim of `fingerprint`. */
  const claimable = (fingerprint: string) =>
    `(steer_run.state = 'released' OR steer_run.expires_ms <= ${now} OR
      (steer_run.state = 'running' AND steer_run.lease_ends_ms <= ${now} AND steer_run.fingerprint = ${fingerprint}))`;
  const leaseEndsInMs = `CASE WHEN ${alive} THEN lease_ends_ms - ${now} ELSE 0 END AS "leaseEndsInMs"`;
  const record = `
    key, fingerprint, owner, fence, ${leaseEndsInMs}, expires_ms - ${now} AS "expiresInMs",
    CASE WHEN state = 'running' AND NOT ${alive} THEN 'abandoned' ELSE state END AS state,
    (SELECT count(*) FROM steer_replicate
      WHERE steer_replicate.key = steer_run.key AND steer_replicate.fingerprint = steer_run.fingerprint
    ) AS "replicateCount"`;

  return {
    /** A row where the claim is won. Where it is not, nothing is written, so that those who wait cost little. */
    take: `
      INSERT INTO steer_run
        (key, fingerprint, state, fence, claims, owner, lease_ms, lease_ends_ms, expires_ms)
      SELECT $key, $fingerprint, 'running', ${nextFence}, 1, $owner,
        CAST($leaseMs AS double precision), ${now} + $leaseMs, ${now} + $leaseMs + $journalTtlMs
      WHERE NOT EXISTS (SELECT 1 FROM steer_run WHERE key = $key AND NOT ${claimable("$fingerprint")})
      ON CONFLICT (key) DO UPDATE SET
        fingerprint = excluded.fingerprint, state = excluded.state, fence = excluded.fence, owner = excluded.owner,
        lease_ms = excluded.lease_ms, lease_ends_ms = excluded.lease_ends_ms, expires_ms = excluded.expires_ms, claims = steer_run.claims + 1,
        plan = CASE WHEN steer_run.fingerprint = excluded.fingerprint AND steer_run.state <> 'settled'
          THEN steer_run.plan END,
        output = NULL
      WHERE ${claimable("excluded.fingerprint")}
      RETURNING fence, claims, plan`,
    find: `
      SELECT state, fingerprint, ${claimable("$fingerprint")} AS "isClaimable", ${ahead} AS "isAhead", ${leaseEndsInMs},
        CASE WHEN state = 'settled' AND fingerprint = $fingerprint THEN output END AS output
      FROM steer_run WHERE key = $key`,
    rebase: `UPDATE steer_run SET lease_ends_ms = ${now} + lease_ms WHERE key = $key AND ${ahead} RETURNING key`,
    journal: `
      SELECT body FROM steer_replicate WHERE key = $key AND fingerprint = $fingerprint
      ORDER BY length(replicate), replicate, seed`,
    renew: `
      UPDATE steer_run SET
        lease_ms = CAST($leaseMs AS double precision), lease_ends_ms = ${now} + $leaseMs, expires_ms = ${now} + $leaseMs + $journalTtlMs
      WHERE ${held} RETURNING key`,
    savePlan: `UPDATE steer_run SET plan = $plan WHERE ${held} RETURNING key`,
    append: `
      INSERT INTO steer_replicate (key, fingerprint, replicate, seed, body)
      SELECT key, fingerprint, $replicate, $seed, $body FROM steer_run WHERE ${held} ${forShare}
      ON CONFLICT (key, fingerprint, replicate, seed) DO UPDATE SET body = excluded.body
      RETURNING key`,
    settle: `
      UPDATE steer_run SET state = 'settled', output = $output, expires_ms = ${now} + $ttlMs
      WHERE ${held} RETURNING key`,
    release: `
      UPDATE steer_run SET state = 'released', expires_ms = ${now} + $journalTtlMs
      WHERE ${held} RETURNING key`,
    read: `SELECT fence, output FROM steer_run WHERE key = $key AND state = 'settled' AND expires_ms > ${now}`,
    replace: `
      UPDATE steer_run SET output = $output, expires_ms = ${now} + $ttlMs, fence = ${nextFence}
      WHERE key = $key AND fence = $fence AND state = 'settled' AND expires_ms > ${now} RETURNING key`,
    list: `SELECT ${record} FROM steer_run WHERE key > $after ORDER BY key LIMIT $limit`,
    show: `SELECT ${record}, plan, output FROM steer_run WHERE key = $key`,
    purge: `DELETE FROM steer_run WHERE key = $key AND NOT ${alive} RETURNING key`,
    sweep: `
      DELETE FROM steer_run WHERE key IN (
        SELECT key FROM steer_run WHERE expires_ms <= ${now} ORDER BY expires_ms LIMIT $limit ${skipLocked})
      RETURNING key`,
  };
}
