import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { OrchestrationOutput } from "../../../src/contract/output.ts";
import { PostgresStore } from "../../../src/store/postgres.ts";
import { SqliteStore } from "../../../src/store/sqlite.ts";
import type { ManagedStore } from "../../../src/store/store.ts";
import { asRead, bundleOf } from "../../support/bundle-of.ts";
import { createTestDatabase, postgresUrl } from "../../support/postgres.ts";
import { createFolder, steer } from "../steer.ts";

const bundle = asRead(bundleOf(["yes", "no", "yes"], { tokens: 10, costUsd: 0.01 }));
const output = {
  status: "completed",
  content: { evidenceBundle: bundle },
  usage: { requests: 3, inputTokens: 0, outputTokens: 30, totalTokens: 30 },
  costUsd: 0.03,
  metadata: { toolName: "triage", toolVersion: "1.0.0", costUsd: 0.03 },
  traceId: "t",
  requestId: "r",
  elapsedMs: 5,
} as OrchestrationOutput;

const claiming = { leaseMs: 600_000, owner: "host-a:4711" };

/** A settled key, one that is running with a journal, one that was given back, and one that has expired. */
async function fill(store: ManagedStore): Promise<void> {
  const claim = async (key: string) => {
    const claimed = await store.claim(key, "f".repeat(64), claiming);
    if (claimed.state !== "won") throw new Error(`${key} is taken`);
    return claimed.token;
  };
  await store.settle(await claim("expired"), output, 0);
  await store.settle(await claim("order-1"), output, 3_600_000);
  const running = await claim("order-2");
  await store.savePlan(running, { selectedTool: "triage" });
  for (const replicate of bundle.replicates.slice(0, 2)) await store.append(running, replicate);
  await store.release(await claim("order-3"));
  await store.close();
}

/** A folder whose project has such a store. */
async function createProject(): Promise<string> {
  const cwd = createFolder();
  mkdirSync(join(cwd, ".steer"));
  await fill(new SqliteStore({ path: join(cwd, ".steer/runs.sqlite") }));
  return cwd;
}

describe("steer store, over the SQLite file of the project", () => {
  test("lists keys with states, leases and owners, a page at a time", async () => {
    const cwd = await createProject();
    const { code, stdout } = await steer(["store", "list"], { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^order-1 +settled +0 +.*(1 h 0 min|59 min \d+ s) +host-a:4711$/m);
    expect(stdout).toMatch(/^order-2 +running +2 +(9|10) min/m);
    expect(stdout).toMatch(/^order-3 +released +0/m);
    expect(stdout).toMatch(/^expired +settled +0 +swept soon/m);
    const first = await steer(["store", "list", "--limit", "2"], { cwd });
    expect(first.stdout).toContain('2 keys\nThere are more: --after "order-1"\n');
    const rest = await steer(["store", "list", "--after", "order-1", "--json"], { cwd });
    expect(JSON.parse(rest.stdout)).toMatchObject([{ key: "order-2", state: "running" }, { key: "order-3" }]);
  });

  test("shows a key: its output and consensus, or its plan and what its journal has", async () => {
    const cwd = await createProject();
    const settled = await steer(["store", "show", "order-1"], { cwd });
    expect(settled.stdout).toMatch(/output +completed, \$0\.03\n +consensus +yes\n/);
    const running = await steer(["store", "show", "order-2"], { cwd });
    expect(running.stdout).toMatch(/plan +\{"selectedTool":"triage"\}/);
    expect(running.stdout).toMatch(/r1 +seed 0 +\$0\.01 +yes\n +r2 +seed 1 +\$0\.01 +no\n/);
    expect(running.stdout).toMatch(/lease +(9|10) min/);
  });

  test("its JSON can be viewed", async () => {
    const cwd = await createProject();
    const { stdout } = await steer(["store", "show", "order-1", "--json"], { cwd });
    expect(JSON.parse(stdout)).toMatchObject({ key: "order-1", output: { status: "completed" } });
    const viewed = await steer(["view", "-"], { cwd, input: stdout });
    expect(viewed).toMatchObject({ code: 0, stderr: "" });
    expect(viewed.stdout).toContain("Votes by field");
  });

  test("purges what it is told, and never what is running", async () => {
    const cwd = await createProject();
    const { code, stdout } = await steer(["store", "purge", "order-1", "order-2", "order-9"], { cwd });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '"order-2" stays: it is running.\n1 key removed.\n' });
    const all = await steer(["store", "purge", "--all", "--json"], { cwd });
    expect({ ...all, stdout: JSON.parse(all.stdout) }).toMatchObject({
      code: 0,
      stdout: { removed: 2, running: ["order-2"] },
    });
    expect((await steer(["store", "list"], { cwd })).stdout).toMatch(/^order-2 .*\n1 key\n$/m);
  });

  test("sweeps what has expired", async () => {
    const cwd = await createProject();
    expect((await steer(["store", "sweep"], { cwd })).stdout).toBe("1 expired key removed.\n");
    expect(JSON.parse((await steer(["store", "sweep", "--json"], { cwd })).stdout)).toEqual({ removed: 0 });
  });

  test("verifies: nothing damaged ends with 0, a damaged key with 1, naming it", async () => {
    const cwd = await createProject();
    expect(await steer(["store", "verify"], { cwd })).toMatchObject({ code: 0, stdout: "Nothing is damaged.\n" });
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(join(cwd, ".steer/runs.sqlite"));
    database.exec("UPDATE steer_run SET output = substr(output, 1, 40) WHERE key = 'order-1'");
    database.close();
    const { code, stdout } = await steer(["store", "verify"], { cwd });
    expect(code).toBe(1);
    expect(stdout).toMatch(/key "order-1" is damaged: .*\n1 problem\n$/);
    const shown = await steer(["store", "show", "order-1"], { cwd });
    expect(shown).toMatchObject({ code: 2, stderr: expect.stringContaining("remove it with `steer store purge`") });
    expect(await steer(["store", "purge", "order-1"], { cwd })).toMatchObject({ code: 0, stdout: "1 key removed.\n" });
  });
});

describe("unusable input is named", () => {
  test("a project without a store gets none by being looked at", async () => {
    const cwd = createFolder();
    for (const command of ["list", "verify", "sweep"]) {
      const { code, stderr } = await steer(["store", command], { cwd });
      expect(code).toBe(2);
      expect(stderr).toMatch(
        /^There is no store at \.steer\/runs\.sqlite\. .*--path names another file, --url a Postgres\.\n$/,
      );
    }
  });

  test("a file without a database, a missing key, nothing to purge, two stores at once", async () => {
    const cwd = await createProject();
    writeFileSync(join(cwd, "notes.txt"), "not a database, and long enough to be read as the head of one".repeat(9));
    const corrupt = await steer(["store", "list", "--path", "notes.txt"], { cwd });
    expect(corrupt).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("(list, corrupt): file is not a database, at notes.txt"),
    });
    const missing = await steer(["store", "show", "order-9"], { cwd });
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining('The store has no key "order-9".') });
    for (const parameters of [[], ["order-1", "--all"]]) {
      const purge = await steer(["store", "purge", ...parameters], { cwd });
      expect(purge).toMatchObject({ code: 2, stderr: "Name the keys to remove, or give --all.\n" });
    }
    const both = await steer(["store", "list", "--path", "x", "--url", "postgres://localhost/x"], { cwd });
    expect(both).toMatchObject({ code: 2, stderr: expect.stringContaining("cannot be used with") });
    for (const { stderr } of [corrupt, missing, both]) expect(stderr).not.toContain("    at ");
  });

  test("a Postgres that is not there, without its password", async () => {
    const url = "postgres://steer:s3cret-pass@127.0.0.1:1/steer";
    const { code, stderr } = await steer(["store", "list", "--url", url]);
    expect(code).toBe(2);
    expect(stderr).toContain("unavailable");
    expect(stderr).not.toContain("s3cret-pass");
  });
});

describe.skipIf(!postgresUrl)("steer store, over Postgres", () => {
  const database = postgresUrl ? createTestDatabase() : undefined;
  afterAll(async () => (await database)?.drop());

  test("lists, shows, verifies, sweeps and purges the same", async () => {
    const { url } = (await database)!;
    await fill(new PostgresStore({ connectionString: url }));
    const store = async (...parameters: string[]) => {
      const { stdout } = await steer(["store", ...parameters, "--url", url, "--json"]);
      return JSON.parse(stdout);
    };
    expect((await store("list")).map(({ key }: { key: string }) => key)).toEqual([
      "expired",
      "order-1",
      "order-2",
      "order-3",
    ]);
    expect(await store("show", "order-2")).toMatchObject({
      state: "running",
      replicates: [{ id: "r1" }, { id: "r2" }],
    });
    expect(await store("verify")).toEqual({ problems: [] });
    expect(await store("sweep")).toEqual({ removed: 1 });
    expect(await store("purge", "--all")).toEqual({ removed: 2, running: ["order-2"] });
  });
});
