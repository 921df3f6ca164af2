import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

const stores: Record<string, () => Promise<StoreUnderTest<ManagedStore>>> = {
  memory: async () => {
    const clock = createFakeClock();
    return { store: new MemoryStore({ clock }), passTime: clock.advance };
  },

  sqlite: async () => {
    const folder = mkdtempSync(join(tmpdir(), "steer-store-"));
    const clock = createFakeClock();
    const open = () => new SqliteStore({ path: join(folder, "runs.sqlite"), clock });
    return {
      store: open(),
      reopen: async () => open(),
      passTime: clock.advance,
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
