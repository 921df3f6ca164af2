import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { MemoryStore } from "../../src/store/memory.ts";
import { openStore } from "../../src/store/open-store.ts";
import { PostgresStore } from "../../src/store/postgres.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";

const source = join(import.meta.dirname, "..", "..", "src", "store");

test("a name opens the store of that name, and touches nothing until it is used", async () => {
  expect(await openStore("memory")).toBeInstanceOf(MemoryStore);
  expect(await openStore("sqlite")).toBeInstanceOf(SqliteStore);
  expect(await openStore("postgres")).toBeInstanceOf(PostgresStore);
});

test("returns a given store unchanged", async () => {
  const store = new MemoryStore();
  expect(await openStore(store)).toBe(store);
});

test.each(["redis", "", undefined, {}])("%j is refused with the names that there are", async (store) => {
  await expect(openStore(store as never)).rejects.toMatchObject({
    code: "INVALID_OPTIONS",
    message: expect.stringContaining('"memory", "sqlite", "postgres"'),
  });
});

test("opening one store loads the driver of no other", async () => {
  const program = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load(url, context, next) { loaded.push(url); return next(url, context); } });
    const { openStore } = await import(${JSON.stringify(join(source, "open-store.ts"))});
    await openStore("memory");
    console.log(JSON.stringify(loaded.filter((url) => /sqlite|postgres|\\/pg\\//.test(url))));`;
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--no-warnings",
    "--input-type=module",
    "-e",
    program,
  ]);
  expect(JSON.parse(stdout)).toEqual([]);
});
