import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pass } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { startOwnPostgres } from "../../scripts/postgres.ts";
import { SqliteStore } from "../../src/stores/sqlite.ts";
import { locking } from "../kill/blinks.ts";
import { crowd, runThrough, runThroughBlink } from "./blink.ts";

const server = await startOwnPostgres({ max_connections: "24" });
afterAll(() => server?.stop());

describe.skipIf(!server)("a Postgres that blinks under forty runs", () => {
  test.each(["restarted", "crashed", "cut", "gone for 3 s"] as const)(
    "and is %s fails none of them, and asks for no answer again",
    async (blink) => {
      if (!server) return;
      expect(await runThroughBlink(server, blink, 40)).toMatchObject({ failed: [], calledAgain: 0 });
    },
  );
});

test("a Postgres with fewer connections than three processes want lets all of them finish", async () => {
  const small = await startOwnPostgres({ max_connections: "6", superuser_reserved_connections: "0" });
  if (!small) return;
  try {
    expect(await crowd(small, 3)).toEqual(Array(3).fill("completed after 20 calls"));
  } finally {
    await small.stop();
  }
});

test("a SQLite file that another process locks for longer than busyTimeoutMs fails no run", async () => {
  const folder = mkdtempSync(join(tmpdir(), "steer-blink-"));
  const path = join(folder, "runs.sqlite");
  const store = new SqliteStore({ path, busyTimeoutMs: 200 });
  const lockFor = async (ms: number) => {
    const unlock = await locking(path)();
    await pass(ms);
    await unlock();
  };
  expect(await runThrough(store, "locked", 20, () => lockFor(1_500))).toMatchObject({ failed: [], calledAgain: 0 });
  await store.close();
  rmSync(folder, { recursive: true });
});
