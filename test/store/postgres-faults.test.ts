import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { inspect } from "node:util";
import { Client, Pool } from "pg";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { PostgresStore } from "../../src/store/postgres.ts";
import { postgresError } from "../../src/store/postgres-errors.ts";
import { sampleOutput, win } from "../../src/testing/store-conformance/law.ts";
import { createTestDatabase, postgresUrl, type TestDatabase } from "../support/postgres.ts";

const claimant = { leaseMs: 30_000, owner: "test" };

describe.skipIf(!postgresUrl)("on a real server", () => {
  let database: TestDatabase;
  let opened: PostgresStore[];

  beforeEach(async () => {
    database = await createTestDatabase();
    opened = [];
  });

  afterEach(async () => {
    for (const store of opened) await store.close();
    await database.drop();
  });

  /** @param settings of the session, such as a time limit */
  function open(settings: Record<string, string> = {}): PostgresStore {
    const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
    const store = new PostgresStore({
      connectionString: `${database.url}&options=${encodeURIComponent(options.join(" "))}`,
    });
    opened.push(store);
    return store;
  }

  async function endConnections(): Promise<void> {
    await database.execute(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    );
  }

  test("a lock that another session holds gives an error that says so, and nothing else is lost", async () => {
    await win(open(), "before");
    const holder = new Client(database.url);
    holder.on("error", () => {});
    await holder.connect();
    await holder.query("BEGIN; LOCK TABLE steer_run IN ACCESS EXCLUSIVE MODE");
    const impatient = open({ lock_timeout: "50" });
    await expect(impatient.claim("key", "fingerprint", claimant)).rejects.toMatchObject({
      reason: "locked",
      message: expect.stringContaining("pg_stat_activity"),
    });
    await holder.end();
    expect((await impatient.claim("before", "fingerprint", claimant)).state).toBe("running");
    await win(impatient, "key");
  });

  test("a pool of one connection serves what is asked at once, in turn", async () => {
    const store = new PostgresStore({ connectionString: database.url, poolSize: 1 });
    opened.push(store);
    const claims = await Promise.all(Array.from({ length: 20 }, (_, at) => store.claim(`k${at}`, "f", claimant)));
    expect(claims.every(({ state }) => state === "won")).toBe(true);
  });

  test("a server that only reads gives an error that says so, and answers what needs no writing", async () => {
    const { token } = await win(open(), "key");
    const reader = open({ default_transaction_read_only: "on" });
    expect((await reader.show("key"))?.fence).toBe(token.fence);
    await expect(reader.settle(token, sampleOutput(), 1_000)).rejects.toMatchObject({ reason: "read_only" });
  });

  test("a schema of a later version is refused", async () => {
    await win(open(), "key");
    await database.execute("INSERT INTO steer_migration VALUES (99)");
    await expect(open().list()).rejects.toMatchObject({
      reason: "newer_schema",
      message: expect.stringMatching(/schema version 99.*knows up to 2/),
    });
  });

  test("a migration that fails leaves nothing half done, and the next call tries again", async () => {
    await database.execute("CREATE TABLE steer_replicate (mine text)");
    const store = open();
    await expect(store.list()).rejects.toMatchObject({ reason: "failed" });
    expect(await database.execute("SELECT to_regclass('steer_run') AS name")).toEqual([{ name: null }]);
    await database.execute("DROP TABLE steer_replicate");
    expect(await store.list()).toEqual([]);
  });

  test("connections that the server ended are replaced", async () => {
    const store = open();
    const { token } = await win(store, "key");
    await endConnections();
    await vi.waitFor(() => store.settle(token, sampleOutput(), 60_000));
    expect((await store.show("key"))?.state).toBe("settled");
  });

  test("a pool that was handed in is used, and stays open", async () => {
    const pool = new Pool({ connectionString: database.url });
    const store = new PostgresStore({ client: pool });
    await win(store, "key");
    await store.close();
    expect((await pool.query("SELECT count(*)::int AS count FROM steer_run")).rows).toEqual([{ count: 1 }]);
    await pool.end();
  });

  test("connections of a pool that was handed in may break, with the store open or closed", async () => {
    const pool = new Pool({ connectionString: database.url });
    const emit = vi.spyOn(pool, "emit");
    const broken = () => emit.mock.calls.flatMap(([name], at) => (name === "error" ? [emit.mock.results[at]] : []));
    const store = new PostgresStore({ client: pool });
    await win(store, "key");
    await endConnections();
    await vi.waitFor(() => expect(broken()).toEqual([{ type: "return", value: true }]));
    await win(store, "other");
    await store.close();
    await endConnections();
    await vi.waitFor(() => expect(broken()).toHaveLength(2));
    expect(broken().at(-1)).toEqual({ type: "return", value: true });
    await pool.end();
  });

  test("stores that share a pool listen to it once", async () => {
    const pool = new Pool({ connectionString: database.url });
    for (let index = 0; index < 3; index++) await new PostgresStore({ client: pool }).list();
    expect(pool.listenerCount("error")).toBe(1);
    await pool.end();
  });

  test("a key whose run settles loses its journal in the same statement", async () => {
    const store = open();
    const { token } = await win(store, "key");
    await store.append(token, { id: "r1", seed: 1 } as never);
    await store.settle(token, sampleOutput(), 60_000);
    expect(await database.execute("SELECT * FROM steer_replicate")).toEqual([]);
  });
});

describe("without a server", () => {
  test("a claim says what to check", async () => {
    const store = new PostgresStore({ connectionString: "postgres://127.0.0.1:1/steer" });
    await expect(store.claim("key", "fingerprint", claimant)).rejects.toMatchObject({
      code: "STORE",
      reason: "unavailable",
      message: expect.stringMatching(/ECONNREFUSED.*DATABASE_URL/),
    });
    await store.close();
  });

  test("closing ends within ten seconds of a connection that never comes about", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
    const { promise: called, resolve: onCall } = Promise.withResolvers<Socket>();
    const server = createServer(onCall).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const store = new PostgresStore({ connectionString: `postgres://steer@127.0.0.1:${port}/steer` });
    const claim = store.claim("key", "fingerprint", claimant).catch((error: unknown) => error);
    const visitor = await called;
    let isClosed = false;
    const closing = store.close().then(() => (isClosed = true));
    await vi.advanceTimersByTimeAsync(9_000);
    expect(isClosed).toBe(true);
    vi.useRealTimers();
    visitor.destroy();
    expect(await claim).toMatchObject({ reason: "unavailable" });
    await closing;
    server.close();
  });

  test.each([
    "postgres://steer:s3cret@[broken/steer",
    "postgres://steer:s3cret@127.0.0.1:1/steer",
    "postgres://steer:s3cret@127.0.0.1:99999/steer",
  ])("the password of %s is in no error", async (connectionString) => {
    const store = new PostgresStore({ connectionString });
    const error = await store.list().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "STORE" });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("s3cret");
    await store.close();
  });

  test("where the driver is missing too, the error gives the command that installs it", async () => {
    vi.doMock("pg", () => {
      throw new Error("Cannot find package 'pg'");
    });
    const store = new PostgresStore({ connectionString: "postgres://127.0.0.1:1/steer" });
    await expect(store.list()).rejects.toMatchObject({
      reason: "missing_driver",
      message: expect.stringContaining("npm install pg@8"),
    });
    vi.doUnmock("pg");
  });
});

test.each([
  ["53100", "full"],
  ["XX001", "corrupt"],
  ["28P01", "unavailable"],
  ["57P01", "unavailable"],
  ["3D000", "unavailable"],
  ["53300", "unavailable"],
  ["40P01", "locked"],
  ["42501", "read_only"],
  ["22P02", "failed"],
])("SQLSTATE %s is %s", (code, reason) => {
  const error = postgresError(Object.assign(new Error("what the server said"), { code }), "claim");
  expect(error.reason).toBe(reason);
  expect(error.message).toContain("what the server said");
});
