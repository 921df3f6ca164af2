import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemoryStore } from "../../src/store/memory.ts";
import { PostgresStore } from "../../src/store/postgres.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import type { ManagedStore, RunRecord } from "../../src/store/store.ts";
import { startPostgres } from "../postgres.ts";

/** Short, so that what is kept for a while comes and goes many times. */
const journalTtlMs = 500;

/** The stores of this package, those of them that there are here. */
export interface SoakStores extends AsyncDisposable {
  readonly byName: Readonly<Record<string, ManagedStore>>;
}

/**
 * Opens a store of each kind, with as many connections as it pools. Postgres need not wait for the disk: nothing is killed
 * here.
 */
export async function openStores(): Promise<SoakStores> {
  const folder = mkdtempSync(join(tmpdir(), "steer-soak-"));
  process.once("exit", () => rmSync(folder, { recursive: true }));
  const server = await startPostgres({ fsync: "off", full_page_writes: "off" });
  const byName = {
    memory: new MemoryStore({ journalTtlMs }),
    sqlite: new SqliteStore({ path: join(folder, "runs.sqlite"), journalTtlMs }),
    ...(server && { postgres: new PostgresStore({ connectionString: server.url, journalTtlMs }) }),
  };
  const fillPool = (store: ManagedStore) => Promise.all(Array.from({ length: 20 }, () => store.list()));
  await Promise.all(Object.values<ManagedStore>(byName).map(fillPool));
  return {
    byName,
    async [Symbol.asyncDispose]() {
      for (const store of Object.values(byName)) await store.close();
      await server?.stop();
    },
  };
}

/** What a store holds of this soak. */
export interface StoreContents {
  /** Records and journaled replicates. */
  readonly rows: number;
  /** Keys that a run holds, by the store. */
  readonly heldKeys: number;
  /** Keys that were asked for so long ago that the claims since then should have swept them. */
  readonly forgottenKeys: number;
}

const keyPrefix = `soak-${process.pid}`;
/** Enough claims, also where waves are short: a store sweeps with every 64th. */
const wavesToSweep = 10;

/** A key that tells in which wave it was asked for. */
export function keyOf(wave: number, number: number): string {
  return `${keyPrefix}-${wave}-${number}`;
}

export async function contentsOf(store: ManagedStore, wave: number): Promise<StoreContents> {
  const records = (await store.list({ limit: 1_000_000 })).filter(({ key }) => key.startsWith(keyPrefix));
  const isHeld = ({ state }: RunRecord) => state === "running" || state === "abandoned";
  const isForgotten = ({ key }: RunRecord) => Number(key.split("-")[2]) < wave - wavesToSweep;
  return {
    rows: records.reduce((sum, { replicateCount }) => sum + 1 + replicateCount, 0),
    heldKeys: records.filter(isHeld).length,
    forgottenKeys: records.filter(isForgotten).length,
  };
}
