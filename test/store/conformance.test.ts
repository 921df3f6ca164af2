import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "vitest";
import { MemoryStore } from "../../src/store/memory.ts";
import { PostgresStore } from "../../src/store/postgres.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import type { ManagedStore } from "../../src/store/store.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import {
  type StoreUnderTest,
  storeAdministrationConformance,
  storeConformance,
} from "../../src/testing/store-conformance.ts";
import { createTestDatabase, postgresUrl } from "../support/postgres.ts";

/** A clock that can be set back as a machine's can; a fake one only goes forward. */
function settableClock(clock: { now(): number }) {
  let behindMs = 0;
  return {
    now: () => clock.now() - behindMs,
    async setBack(ms: number) {
      behindMs += ms;
    },
  };
}

const stores: Record<string, () => Promise<StoreUnderTest<ManagedStore>>> = {
  memory: async () => {
    const clock = createFakeClock();
    const settable = settableClock(clock);
    return { store: new MemoryStore({ clock: settable }), passTime: clock.advance, setBackClock: settable.setBack };
  },

  sqlite: async () => {
    const folder = mkdtempSync(join(tmpdir(), "steer-store-"));
    const clock = createFakeClock();
    const settable = settableClock(clock);
    const path = join(folder, "runs.sqlite");
    const open = () => new SqliteStore({ path, clock: settable, busyTimeoutMs: 300 });
    return {
      store: open(),
      reopen: async () => open(),
      passTime: clock.advance,
      setBackClock: settable.setBack,
      cutOff: async () => {
        const other = new DatabaseSync(path);
        other.exec("BEGIN EXCLUSIVE");
        return async () => other.close();
      },
      loseData: async () => {
        for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix);
      },
      dispose: async () => rmSync(folder, { recursive: true }),
    };
  },

  postgres: async () => {
    const database = await createTestDatabase();
    const open = () => new PostgresStore({ connectionString: database.url });
    return {
      store: open(),
      reopen: async () => open(),
      // The database's clock cannot be moved, so what it has noted down moves the other way.
      passTime: async (ms) =>
        void (await database.execute(
          `UPDATE steer_run SET lease_ends_ms = lease_ends_ms - ${ms}, expires_ms = expires_ms - ${ms}`,
        )),
      setBackClock: async (ms) =>
        void (await database.execute(
          `UPDATE steer_run SET lease_ends_ms = lease_ends_ms + ${ms}, expires_ms = expires_ms + ${ms}`,
        )),
      cutOff: database.cutOff,
      loseData: async () => {
        await database.execute("DROP TABLE steer_run, steer_replicate, steer_migration; DROP SEQUENCE steer_fence");
        await database.execute("DROP FUNCTION steer_clear_journal");
      },
      dispose: database.drop,
    };
  },
};

for (const [name, open] of Object.entries(stores)) {
  describe.skipIf(name === "postgres" && !postgresUrl)(`the ${name} store`, () => {
    storeConformance({ test, open });
    storeAdministrationConformance({ test, open });
  });
}
