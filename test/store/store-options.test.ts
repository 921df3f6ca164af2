import { describe, expect, test } from "vitest";
import { MemoryStore } from "../../src/stores/memory.ts";
import { PostgresStore } from "../../src/stores/postgres.ts";
import { SqliteStore } from "../../src/stores/sqlite.ts";

describe("the options of a store", () => {
  test.each([
    ["maxEntries", () => new MemoryStore({ maxEntries: -1 })],
    ["journalTtlMs", () => new MemoryStore({ journalTtlMs: Number.NaN })],
    ["clock", () => new MemoryStore({ clock: {} as any })],
    ["maxEntry", () => new MemoryStore({ maxEntry: 5 } as any)],
    ["path", () => new SqliteStore({ path: "" })],
    ["busyTimeoutMs", () => new SqliteStore({ busyTimeoutMs: "5 s" as any })],
    ["file", () => new SqliteStore({ file: "runs.sqlite" } as any)],
    ["connectionString", () => new PostgresStore({ connectionString: 5432 as any })],
    ["client", () => new PostgresStore({ client: {} as any })],
    ["url", () => new PostgresStore({ url: "postgres://localhost" } as any)],
  ])("are checked when it is made: %s", (name, make) => {
    expect(make).toThrow(new RegExp(`Store\\(…\\)\\.${name}(: got| is not an option of)`));
  });
});
