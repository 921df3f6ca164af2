import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { GroupCommit } from "../../src/store/group-commit.ts";

let folder: string;
let database: DatabaseSync;
let commits: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "steer-store-"));
  database = new DatabaseSync(join(folder, "test.sqlite"));
  database.exec("PRAGMA journal_mode = WAL; CREATE TABLE item (name text PRIMARY KEY)");
  commits = 0;
  const exec = database.exec.bind(database);
  database.exec = (sql) => {
    exec(sql);
    if (sql === "COMMIT") commits++;
  };
});

afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true });
});

const insert = (name: string) => () => database.prepare("INSERT INTO item VALUES (?)").run(name);
const names = () =>
  database
    .prepare("SELECT name FROM item ORDER BY name")
    .all()
    .map((row) => row["name"]);

test("writes that are asked for at once share one commit", async () => {
  const writes = new GroupCommit(database, 1_000);
  await Promise.all(["a", "b", "c"].map((name) => writes.run(insert(name))));
  expect(commits).toBe(1);
  expect(names()).toEqual(["a", "b", "c"]);
});

test("a write resolves only after its commit, with what it returned", async () => {
  const writes = new GroupCommit(database, 1_000);
  const result = writes.run(() => "done").then((value) => [value, commits]);
  expect(commits).toBe(0);
  expect(await result).toEqual(["done", 1]);
});

test("a write that fails takes none of those down that shared its transaction", async () => {
  const writes = new GroupCommit(database, 1_000);
  const results = await Promise.allSettled(["a", "b", "a", "c"].map((name) => writes.run(insert(name))));
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(names()).toEqual(["a", "b", "c"]);
});

test("more writes than one transaction takes are all written, and in their order", async () => {
  const writes = new GroupCommit(database, 1_000);
  const order: number[] = [];
  await Promise.all(Array.from({ length: 2_500 }, (_, index) => writes.run(() => order.push(index))));
  expect(order).toEqual(Array.from({ length: 2_500 }, (_, index) => index));
  expect(commits).toBe(3);
});

test("a write asked for while others are written is written too", async () => {
  const writes = new GroupCommit(database, 1_000);
  let second: Promise<unknown> | undefined;
  await writes.run(() => {
    second = writes.run(insert("b"));
    insert("a")();
  });
  await second;
  expect(names()).toEqual(["a", "b"]);
});
