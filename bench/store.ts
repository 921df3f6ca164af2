/**
 * How many durable claims a second a store takes, on this disk.
 *
 *     node bench/store.ts [--json]
 *
 * Each claim is on a new key and resolves once it is durable. Rows run in one process, interleaved, five rounds each;
 * medians count. "One fsync a record" is node:sqlite by hand: one INSERT of the same row, committed by itself, with
 * WAL and `synchronous = FULL` as in the store. The first row is the disk alone: 4 KiB appended and flushed. What
 * compares between machines is how often the rows hold that of one fsync a record.
 *
 * Not measured: contention with other processes, take-overs, journals and outputs (a 4 MiB output costs what writing
 * 4 MiB costs), a Postgres behind a network, and whether the disk keeps the promise that fsync makes.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";
import { startPostgres } from "../scripts/postgres.ts";
import { MemoryStore } from "../src/store/memory.ts";
import { PostgresStore } from "../src/store/postgres.ts";
import { SqliteStore } from "../src/store/sqlite.ts";
import type { RunStore } from "../src/store/store.ts";
import { interleaved } from "./guard/measure.ts";
import { printTarget } from "./targets.ts";

const rounds = 5;
const folder = mkdtempSync(join(tmpdir(), "steer-bench-"));
const claimant = { leaseMs: 30_000, owner: "bench" };
let keyCount = 0;
const nextKey = () => `order-${keyCount++}`;

async function perSecond(count: number, work: () => unknown): Promise<number> {
  const startMs = performance.now();
  await work();
  return (count / (performance.now() - startMs)) * 1_000;
}

function flushes(count: number): Promise<number> {
  const file = openSync(join(folder, "flushes"), "a");
  const page = Buffer.alloc(4_096, "x");
  return perSecond(count, () => {
    for (let done = 0; done < count; done++) {
      writeSync(file, page);
      fdatasyncSync(file);
    }
    closeSync(file);
  });
}

const byHand = new DatabaseSync(join(folder, "by-hand.sqlite"));
byHand.exec(`
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE claim (key text PRIMARY KEY, fingerprint text, fence bigint, lease_ends_ms real)`);
const insert = byHand.prepare("INSERT INTO claim VALUES (?, ?, ?, ?)");

function claimsByHand(count: number): Promise<number> {
  return perSecond(count, () => {
    for (let done = 0; done < count; done++) insert.run(nextKey(), "fingerprint", done, Date.now() + claimant.leaseMs);
  });
}

/** Claims through a store, so many at once. */
function claims(store: RunStore, atOnce: number, count: number): Promise<number> {
  let left = count;
  const lane = async () => {
    while (left-- > 0) await store.claim(nextKey(), "fingerprint", claimant);
  };
  return perSecond(count, () => Promise.all(Array.from({ length: atOnce }, lane)));
}

const server = await startPostgres();
const sqlite = new SqliteStore({ path: join(folder, "runs.sqlite") });
const memory = new MemoryStore();
const postgres = server && new PostgresStore({ connectionString: server.url });

const rows = {
  "the disk alone, flushes": () => flushes(500),
  "one fsync a record, by hand": () => claimsByHand(500),
  "sqlite, 1 at once": () => claims(sqlite, 1, 500),
  "sqlite, 16 at once": () => claims(sqlite, 16, 4_000),
  "sqlite, 256 at once": () => claims(sqlite, 256, 10_000),
  "sqlite, 1,000 at once": () => claims(sqlite, 1_000, 20_000),
  "memory, 1,000 at once": () => claims(memory, 1_000, 20_000),
  ...(postgres && {
    "postgres, 1 at once": () => claims(postgres, 1, 200),
    "postgres, 1,000 at once": () => claims(postgres, 1_000, 4_000),
  }),
};

const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const results = await interleaved(rows, rounds);
for (const store of [sqlite, memory, postgres]) await store?.close();
byHand.close();
await server?.stop();
rmSync(folder, { recursive: true });

const oneFsync = results["one fsync a record, by hand"] ?? Number.NaN;
if (values.json) console.log(JSON.stringify({ node: process.version, rounds, perSecond: results }, undefined, 2));
else {
  console.table(
    Object.fromEntries(
      Object.entries(results).map(([name, rate]) => [
        name,
        { "a second": Math.round(rate), "x one fsync a record": (rate / oneFsync).toFixed(1) },
      ]),
    ),
  );
  const flushMs = 1_000 / (results["the disk alone, flushes"] ?? Number.NaN);
  console.log(`= a flush of this disk takes ${flushMs.toFixed(2)} ms`);
  const most = (results["sqlite, 1,000 at once"] ?? Number.NaN) / oneFsync;
  printTarget("durable claims, SQLite, 1,000 at once", most, "x one fsync a record", { atLeast: 30 });
}
