/**
 * Measures how many runs a service carries whose listeners miss nothing.
 *
 *     node bench/service.ts [--runs 1000] [--only "kill -9"] [--json]
 *
 * So many runs of five simulated answers, each 400 ms on average, are asked for at once, each under a key of its own, and as
 * many listeners follow them from another process. A listener is gapless if it got every event once, in order, up to the last.
 * "Bare" is a Hono handler around the same orchestrator without a store or a log, whose answer has the events: it keeps nothing,
 * and a client that is cut off has lost its run. The service keeps its runs and their events in two SQLite files.
 *
 * - reconnect: every listener leaves after three events, and comes back with `Last-Event-ID`
 * - restart: the process gets SIGTERM while its runs go on, and a new one takes its place
 * - kill -9: the process is killed after half a second, and a new one takes its place
 *
 * Memory and processor time are those of the serving process, of its last life where it had two. On a machine that does other
 * work at the same time, the processor time of a run compares, and the rest does not.
 *
 * Not measured: a network, models that use the processor, and logs in Postgres.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { SqliteEventLog } from "../src/events.ts";
import { type Heard, listenTo, runBare } from "./service/listener.ts";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "1000" },
    only: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const runs = Number(values.runs);
const patienceMs = 120_000;
const program = new URL("service/server.ts", import.meta.url);

interface Row {
  readonly what: string;
  readonly ended: number;
  readonly gapless: number;
  /** Runs in the log; each key has one. */
  readonly kept: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly cpuMsPerRun: number;
  readonly rssMb: number;
}

/** A server process at a port, with its files. */
class Server {
  readonly folder = mkdtempSync(join(tmpdir(), "steer-service-"));
  readonly #kind: "service" | "bare";
  readonly #port: number;
  #process: ChildProcess | undefined;

  constructor(kind: "service" | "bare", port: number) {
    this.#kind = kind;
    this.#port = port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const given = [this.#kind, this.folder, String(this.#port)];
    this.#process = fork(program, given, { execArgv: ["--no-warnings"] });
    await once(this.#process, "message");
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const ending = this.#process as ChildProcess;
    const exited = once(ending, "exit");
    ending.kill(signal);
    await exited;
  }

  async cost(): Promise<{ cpuMs: number; rssMb: number }> {
    const told = once(this.#process as ChildProcess, "message");
    this.#process?.send("cost");
    return (await told)[0];
  }

  async remove(): Promise<void> {
    await this.end("SIGKILL");
    rmSync(this.folder, { recursive: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Experiment {
  readonly what: string;
  readonly kind: "service" | "bare";
  readonly listen: (url: string, key: string) => Promise<Heard>;
  readonly meanwhile?: (server: Server) => Promise<void>;
}

async function measure({ what, kind, listen, meanwhile }: Experiment): Promise<Row> {
  const server = new Server(kind, await freePort());
  await server.start();
  const startedMs = performance.now();
  const listening = Promise.all(Array.from({ length: runs }, (_, at) => listen(server.url, `order-${at}`)));
  await meanwhile?.(server);
  const heard = await listening;
  const seconds = (performance.now() - startedMs) / 1_000;
  const { cpuMs, rssMb } = await server.cost();
  const kept = kind === "service" ? await keptIn(server.folder) : 0;
  await server.remove();
  const times = heard.map(({ ms }) => ms).sort((a, b) => a - b);
  return {
    what,
    ended: heard.filter(({ lastType }) => lastType === "run_completed").length,
    gapless: heard.filter(({ seqs }) => seqs.length > 0 && seqs.every((seq, at) => seq === at)).length,
    kept,
    seconds,
    p50: times[Math.floor(runs * 0.5)] as number,
    p99: times[Math.floor(runs * 0.99)] as number,
    cpuMsPerRun: cpuMs / runs,
    rssMb,
  };
}

/** Runs in a log that ended well. */
async function keptIn(folder: string): Promise<number> {
  const events = new SqliteEventLog({ path: join(folder, "events.sqlite") });
  const page = await events.list({ limit: 10 * runs });
  await events.close();
  return page.runs.filter(({ status }) => status === "completed").length;
}

const follow = (url: string, key: string) => listenTo({ url, key, patienceMs });
const reconnect = (url: string, key: string) => listenTo({ url, key, patienceMs, leavesAfter: 3 });
const replace = (signal: NodeJS.Signals) => async (server: Server) => {
  await setTimeout(500);
  await server.end(signal);
  await server.start();
};

const experiments: readonly Experiment[] = [
  { what: "bare handler", kind: "bare", listen: runBare },
  { what: "service", kind: "service", listen: follow },
  { what: "reconnect", kind: "service", listen: reconnect },
  { what: "restart", kind: "service", listen: follow, meanwhile: replace("SIGTERM") },
  { what: "kill -9", kind: "service", listen: follow, meanwhile: replace("SIGKILL") },
];
const rows: Row[] = [];
for (const experiment of experiments)
  if (values.only === undefined || experiment.what === values.only) rows.push(await measure(experiment));
const faults = rows.flatMap(({ what, ended, gapless, kept }) => [
  ...(ended < runs ? [`${what}: ${runs - ended} of ${runs} runs did not complete.`] : []),
  ...(gapless < runs ? [`${what}: ${runs - gapless} of ${runs} listeners missed an event, or got one twice.`] : []),
  ...(what !== "bare handler" && kept !== runs ? [`${what}: the log has ${kept} completed runs of ${runs} keys.`] : []),
]);

if (values.json) console.log(JSON.stringify({ rows, faults }));
else {
  const table = rows.map(({ what, ended, gapless, seconds, p50, p99, cpuMsPerRun, rssMb }) => [
    what,
    ended,
    gapless,
    `${seconds.toFixed(1)} s`,
    `${(p50 / 1_000).toFixed(1)} s`,
    `${(p99 / 1_000).toFixed(1)} s`,
    `${cpuMsPerRun.toFixed(1)} ms`,
    `${rssMb.toFixed(0)} MB`,
  ]);
  const head = ["", "runs ended", "gapless", "all", "p50", "p99", "CPU a run", "memory"];
  const lines = [head, head.map(() => "---"), ...table];
  console.log(`${runs} runs and ${runs} listeners at once.\n`);
  for (const line of lines) console.log(`| ${line.join(" | ")} |`);
  for (const fault of faults) console.error(fault);
}
if (faults.length > 0) process.exitCode = 1;
