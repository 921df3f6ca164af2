import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { Client } from "pg";
import { inject } from "vitest";

/** The URL of the Postgres of this test run; `undefined` where there is none. Asked for the first time, it starts. */
export const postgresUrl = await askForServer();

async function askForServer(): Promise<string | undefined> {
  const { url, error } = JSON.parse(await text(connect(inject("postgresSocket"))));
  if (error) throw new Error(error);
  return url;
}

export interface TestDatabase {
  readonly url: string;
  /** Runs SQL in it, past every store. */
  execute(sql: string): Promise<any[]>;
  /** Lets nothing connect to it, and ends what has. @returns a function that lets clients in again */
  cutOff(): Promise<() => Promise<void>>;
  drop(): Promise<void>;
}

let databaseCount = 0;

/** An empty database. */
export async function createTestDatabase(): Promise<TestDatabase> {
  if (!postgresUrl) throw new Error("There is no Postgres: skip this test where postgresUrl is undefined.");
  const server = postgresUrl;
  const name = `steer_test_${process.pid}_${databaseCount++}`;
  await execute(server, `CREATE DATABASE ${name}`);
  const url = inDatabase(server, name);
  return {
    url,
    execute: (sql) => execute(url, sql),
    async cutOff() {
      await execute(server, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
      await execute(server, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
      return async () => void (await execute(server, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`));
    },
    drop: async () => void (await execute(server, `DROP DATABASE ${name} WITH (FORCE)`)),
  };
}

function inDatabase(server: string, name: string): string {
  return server.replace(/^(\w+:\/\/[^/]*\/)[^?]*/, `$1${name}`);
}

async function execute(url: string, sql: string): Promise<any[]> {
  const client = new Client(url);
  // Dropping a database ends the clients that are still saying goodbye.
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}
