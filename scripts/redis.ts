import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";

/** A Redis for tests, on a socket in its own folder. */
export interface RedisServer {
  readonly path: string;
  stop(): Promise<void>;
}

/**
 * Starts Debian's `redis-server`, or whatever has its name on the PATH.
 *
 * @returns `undefined` where there is none, after a line that says so
 */
export async function startRedis(): Promise<RedisServer | undefined> {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin"];
  const program = folders.map((folder) => join(folder, "redis-server")).find((path) => existsSync(path));
  if (!program) {
    console.log("Redis is skipped: there is no redis-server on the PATH. Debian's package is called redis-server.");
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), "steer-redis-"));
  const path = join(folder, "redis.sock");
  const settings = [
    "--port",
    "0",
    "--unixsocket",
    path,
    "--dir",
    folder,
    "--save",
    "",
    "--maxmemory-policy",
    "noeviction",
  ];
  const server = spawn(program, settings, { stdio: ["ignore", "pipe", "ignore"] });
  const endWithUs = () => server.kill();
  process.once("exit", endWithUs);
  for await (const line of createInterface(server.stdout)) if (line.includes("eady to accept connections")) break;
  server.stdout.resume();
  return {
    path,
    async stop() {
      process.off("exit", endWithUs);
      server.kill();
      if (server.exitCode === null) await once(server, "exit");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
