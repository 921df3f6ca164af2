import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { type PostgresServer, startPostgres } from "../../scripts/postgres.ts";

/**
 * Job: one Postgres for all test files of a run, started when the first of them asks.
 * Boundary: hands out a server's URL through a socket; `postgres.ts` beside it makes a database for each test.
 */

declare module "vitest" {
  interface ProvidedContext {
    postgresSocket: string;
  }
}

/** Tests kill clients, never the server: it need not wait for the disk. */
const quickSettings = { fsync: "off", full_page_writes: "off" };

export default function setup(project: TestProject): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "steer-test-"));
  const socket = join(folder, "postgres");
  let server: Promise<PostgresServer | undefined> | undefined;
  const door = createServer((visitor) => {
    visitor.on("error", () => {});
    server ??= startPostgres(quickSettings);
    server.then(
      (started) => visitor.end(JSON.stringify({ url: started?.url })),
      (error) => visitor.end(JSON.stringify({ error: String(error) })),
    );
  }).listen(socket);
  project.provide("postgresSocket", socket);
  return async () => {
    door.close();
    await (await server?.catch(() => undefined))?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}
