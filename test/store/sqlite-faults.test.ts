import { spawnSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SqliteStore } from "../../src/store/sqlite.ts";
import type { ManagedStore } from "../../src/store/store.ts";
import { sampleOutput, sampleReplicate, win } from "../../src/testing/store-conformance/law.ts";
import { assertConfirmed, type Fact, readFacts, startWriter } from "./confirmed.ts";

const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
const claimant = { leaseMs: 30_000, owner: "test" };

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "steer-store-"));
  path = join(folder, "runs.sqlite");
});

afterEach(() => rmSync(folder, { recursive: true }));

/** A store with a settled run and a journal in it, closed again. */
async function fill(): Promise<void> {
  const store = new SqliteStore({ path });
  const { token } = await win(store, "settled");
  await store.settle(token, sampleOutput("x".repeat(100_000)), 3_600_000);
  const released = await win(store, "released");
  await store.append(released.token, sampleReplicate());
  await store.release(released.token);
  await store.close();
}

async function expectWhole(store: ManagedStore): Promise<void> {
  expect(await store.verify()).toEqual([]);
  expect((await store.show("settled"))?.output?.content).toHaveLength(100_000);
  expect((await store.show("released"))?.replicates).toEqual([sampleReplicate()]);
}

describe("a file that another process has locked", () => {
  let holder: DatabaseSync;

  beforeEach(async () => {
    await fill();
    holder = new DatabaseSync(path);
    holder.exec("BEGIN IMMEDIATE");
  });

  afterEach(() => holder.close());

  test("is waited for without blocking the event loop", async () => {
    const store = new SqliteStore({ path });
    const claim = store.claim("key", "fingerprint", claimant);
    let turns = 0;
    while (turns < 100) {
      await setImmediate();
      turns++;
    }
    holder.exec("COMMIT");
    expect((await claim).state).toBe("won");
    await store.close();
  });

  test("gives an error that says so once the wait is over, and works again when it is free", async () => {
    const store = new SqliteStore({ path, busyTimeoutMs: 20 });
    await expect(store.claim("key", "fingerprint", claimant)).rejects.toMatchObject({
      code: "STORE",
      reason: "locked",
      operation: "claim",
      message: expect.stringMatching(/database is locked, at .*runs\.sqlite\. Another process holds its write lock/),
    });
    holder.exec("COMMIT");
    expect((await store.claim("key", "fingerprint", claimant)).state).toBe("won");
    await store.close();
  });

  test("fails every write that waited, and each once", async () => {
    const store = new SqliteStore({ path, busyTimeoutMs: 20 });
    const claims = ["a", "b", "c"].map((key) => store.claim(key, "fingerprint", claimant));
    const reasons = (await Promise.allSettled(claims)).map(
      (claim) => claim.status === "rejected" && claim.reason.reason,
    );
    expect(reasons).toEqual(["locked", "locked", "locked"]);
    await store.close();
  });
});

describe("a file that may not be written", () => {
  /** Works as a user without rights, also where the tests run as root. */
  async function unprivileged<R>(work: () => Promise<R>): Promise<R> {
    if (isRoot) process.seteuid?.(nobody);
    try {
      return await work();
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  }

  test("gives an error that says so, and what is in it stays", async () => {
    await fill();
    chmodSync(path, 0o444);
    chmodSync(folder, 0o555);
    const store = new SqliteStore({ path });
    await unprivileged(() =>
      expect(store.claim("key", "fingerprint", claimant)).rejects.toMatchObject({
        reason: "read_only",
        store: "sqlite",
      }),
    );
    await store.close();
    chmodSync(folder, 0o755);
    chmodSync(path, 0o644);
    const again = new SqliteStore({ path });
    await expectWhole(again);
    await again.close();
  });

  test("gives an error that names the folder where that may not be made", async () => {
    chmodSync(folder, 0o555);
    const store = new SqliteStore({ path: join(folder, "new", "runs.sqlite") });
    await unprivileged(() =>
      expect(store.claim("key", "fingerprint", claimant)).rejects.toMatchObject({
        reason: "read_only",
        message: expect.stringContaining(join(folder, "new")),
      }),
    );
    await store.close();
    chmodSync(folder, 0o755);
  });
});

describe("a disk that takes no more", () => {
  async function writeUntilRefused(place: string, before: string): Promise<Fact[]> {
    const facts: Fact[] = [];
    for await (const fact of readFacts(startWriter({ path: place }, { leaseMs: 60_000, before }))) facts.push(fact);
    return facts;
  }

  test("because of a limit gives an error that says so, and everything confirmed is there", async () => {
    const facts = await writeUntilRefused(path, "ulimit -f 512");
    expect(facts.at(-1)).toMatchObject({ refused: "full", message: expect.stringContaining("everything confirmed") });
    const store = new SqliteStore({ path });
    await assertConfirmed(store, facts);
    expect(await store.verify()).toEqual([]);
    await store.close();
  });

  const smallDisk = () => join(folder, "disk");
  const canMount = isRoot && spawnSync("mount", ["--version"]).status === 0;

  test.runIf(canMount)("because it is full does the same, and works on once there is space", async () => {
    mkdirSync(smallDisk());
    expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=600k", "tmpfs", smallDisk()]).status).toBe(0);
    try {
      const place = join(smallDisk(), "runs.sqlite");
      const facts = await writeUntilRefused(place, "true");
      expect(facts.at(-1)).toMatchObject({ refused: "full" });
      expect(spawnSync("mount", ["-o", "remount,size=4m", smallDisk()]).status).toBe(0);
      const store = new SqliteStore({ path: place });
      await assertConfirmed(store, facts);
      expect((await store.claim("more", "fingerprint", claimant)).state).toBe("won");
      await store.close();
    } finally {
      spawnSync("umount", [smallDisk()]);
    }
  });
});

describe("a damaged file", () => {
  test("without a database is refused and left unchanged", async () => {
    writeFileSync(path, "This is a letter, not a database. ".repeat(100));
    const store = new SqliteStore({ path });
    await expect(store.claim("key", "fingerprint", claimant)).rejects.toMatchObject({
      reason: "corrupt",
      message: expect.stringMatching(/file is not a database.*Move the file away/),
    });
    await store.close();
    expect(readFileSync(path, "utf8")).toMatch(/^This is a letter/);
  });

  test.each(["x", "notes", "SQLite format 4"])("of a few bytes, %j, is refused and left as it is", async (content) => {
    writeFileSync(path, content);
    const store = new SqliteStore({ path });
    await expect(store.list()).rejects.toMatchObject({
      reason: "corrupt",
      message: expect.stringMatching(/file is not a database.*Move the file away/),
    });
    await store.close();
    expect(readFileSync(path, "utf8")).toBe(content);
  });

  test("an empty file becomes a database", async () => {
    writeFileSync(path, "");
    const store = new SqliteStore({ path });
    expect(await store.list()).toEqual([]);
    await store.close();
  });

  test("that was cut off is found out, and does not pass for a smaller one", async () => {
    await fill();
    truncateSync(path, 12_288);
    const store = new SqliteStore({ path });
    const problems = await store.verify().catch((error) => [error.reason]);
    expect(problems).not.toEqual([]);
    await expect(store.show("settled")).rejects.toMatchObject({ reason: "corrupt" });
    await store.close();
  });

  test("with pages overwritten is found out by verify", async () => {
    await fill();
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 4_096, Math.min(bytes.length, 40_960));
    writeFileSync(path, bytes);
    const store = new SqliteStore({ path });
    expect(await store.verify().catch((error) => [error.reason])).not.toEqual([]);
    await store.close();
  });

  test("with a text that is not JSON names its key, spares the other keys, and is healed by a purge", async () => {
    await fill();
    const database = new DatabaseSync(path);
    database.exec(`UPDATE steer_run SET output = '{"status":' WHERE key = 'settled'`);
    database.close();
    const store = new SqliteStore({ path });
    await expect(store.claim("settled", "fingerprint", claimant)).rejects.toMatchObject({
      reason: "corrupt",
      message: expect.stringContaining('key "settled"'),
    });
    expect(await store.verify()).toEqual([expect.stringContaining('key "settled"')]);
    expect((await win(store, "released")).replicates).toEqual([sampleReplicate()]);
    expect(await store.purge(["settled"])).toBe(1);
    expect(await store.verify()).toEqual([]);
    await store.close();
  });
});

describe("a file that cannot be used at all", () => {
  test("because a later version wrote it is refused, and nothing in it changes", async () => {
    await fill();
    const database = new DatabaseSync(path);
    database.exec("PRAGMA user_version = 99");
    database.close();
    const before = statSync(path).size;
    const store = new SqliteStore({ path });
    await expect(store.claim("key", "fingerprint", claimant)).rejects.toMatchObject({
      reason: "newer_schema",
      message: expect.stringMatching(/schema version 99.*knows up to 2.*Upgrade steer-llm-sdk/),
    });
    await store.close();
    expect(statSync(path).size).toBe(before);
  });

  // Not "unavailable": a run asks such a store again for minutes, and no time puts these paths right.
  test("because a folder stands there, or a file where its folder should be, fails at once with what to do", async () => {
    const onFolder = new SqliteStore({ path: folder });
    await expect(onFolder.list()).rejects.toMatchObject({
      reason: "failed",
      message: expect.stringMatching(new RegExp(`${folder}\\. The path is a folder: give the path of a file`)),
    });
    writeFileSync(path, "");
    const belowFile = new SqliteStore({ path: join(path, "runs.sqlite") });
    const advice = expect.stringMatching(/A file stands where the folder of the path should be: choose another path/);
    await expect(belowFile.list()).rejects.toMatchObject({ reason: "failed", advice });
    const farBelow = new SqliteStore({ path: join(path, "deep", "runs.sqlite") });
    await expect(farBelow.list()).rejects.toMatchObject({ reason: "failed", advice });
    await Promise.all([onFolder.close(), belowFile.close(), farBelow.close()]);
  });

  test("can be put right while the program runs: the next call opens it", async () => {
    mkdirSync(path);
    const store = new SqliteStore({ path });
    await expect(store.list()).rejects.toMatchObject({ reason: "failed" });
    rmSync(path, { recursive: true });
    expect(await store.list()).toEqual([]);
    await store.close();
  });
});

test("closing lets what was asked for before end first", async () => {
  const store = new SqliteStore({ path });
  const { token } = await win(store, "a");
  const asked = [store.settle(token, sampleOutput(), 60_000), win(store, "b"), win(store, "c")];
  await setImmediate();
  await store.close();
  await Promise.all(asked);
  const again = new SqliteStore({ path });
  expect((await again.list()).map(({ key, state }) => `${key} ${state}`)).toEqual([
    "a settled",
    "b running",
    "c running",
  ]);
  await again.close();
});

test("an unreferenced store that was never closed keeps no file open", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  // What the functions of a file tell the time by goes with the file.
  const openAndLeave = async () => {
    const clock = { now: () => 0 };
    await new SqliteStore({ path, clock }).list();
    return new WeakRef(clock);
  };
  const clocks = [await openAndLeave(), await openAndLeave()];
  const left = () => {
    collectGarbage();
    return clocks.filter((clock) => clock.deref()).length;
  };
  await expect.poll(left).toBe(0);
});

describe("the file itself", () => {
  test("is readable by its owner alone, with everything beside it", async () => {
    await fill();
    const store = new SqliteStore({ path });
    await win(store, "key");
    for (const suffix of ["", "-wal", "-shm"]) expect(statSync(path + suffix).mode & 0o077).toBe(0);
    await store.close();
  });

  test.each([
    ["deleted", () => rmSync(path)],
    ["replaced", () => renameSync(copyOf(path), path)],
  ])(
    "that was %s in mid-run is noticed by the next write, and the one after it works on what is there",
    async (_, act) => {
      const store = new SqliteStore({ path });
      const { token } = await win(store, "key");
      act();
      const lost = store.append(token, sampleReplicate());
      await expect(lost).rejects.toMatchObject({
        reason: "failed",
        message: expect.stringContaining("deleted or replaced"),
      });
      await expect(store.append(token, sampleReplicate())).rejects.toMatchObject({ reason: "stale_token" });
      await win(store, "another");
      await store.close();
    },
  );
});

function copyOf(file: string): string {
  writeFileSync(`${file}.copy`, "");
  return `${file}.copy`;
}
