import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { MemoryEventLog, PostgresEventLog, SqliteEventLog } from "../../../src/events.ts";
import { createFakeClock, type EventLogUnderTest, eventLogConformance } from "../../../src/testing.ts";
import { createTestDatabase, postgresUrl } from "../../support/postgres.ts";

const retentionMs = 3_600_000;

const logs: Record<string, () => Promise<EventLogUnderTest>> = {
  memory: async () => {
    const clock = createFakeClock();
    return { log: new MemoryEventLog({ clock, retentionMs }), passTime: clock.advance, retentionMs };
  },

  sqlite: async () => {
    const folder = mkdtempSync(join(tmpdir(), "steer-log-"));
    const clock = createFakeClock();
    const open = () => new SqliteEventLog({ path: join(folder, "events.sqlite"), clock, retentionMs });
    return {
      log: open(),
      reopen: async () => open(),
      passTime: clock.advance,
      retentionMs,
      dispose: async () => rmSync(folder, { recursive: true }),
    };
  },

  postgres: async () => {
    const database = await createTestDatabase();
    const open = () => new PostgresEventLog({ connectionString: database.url, retentionMs });
    return {
      log: open(),
      reopen: async () => open(),
      // The database's clock cannot be moved, so what it has noted down moves the other way.
      passTime: async (ms) =>
        void (await database.execute(
          `UPDATE steer_log_run SET heard_ms = heard_ms - ${ms}, started_ms = started_ms - ${ms}, ended_ms = ended_ms - ${ms}`,
        )),
      retentionMs,
      dispose: database.drop,
    };
  },
};

describe.each(Object.entries(logs))("an event log in %s", (name, open) => {
  eventLogConformance({ test: test.skipIf(name === "postgres" && !postgresUrl), open });
});
