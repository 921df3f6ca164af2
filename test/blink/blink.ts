import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as pass } from "node:timers/promises";
import { Client } from "pg";
import type { OwnPostgresServer } from "../../scripts/postgres.ts";
import { PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";
import { ReliabilityState, type RunStore } from "../../src/reliability.ts";
import { PostgresStore } from "../../src/stores/postgres.ts";
import { scriptedModel } from "../../src/testing.ts";

/** Answers of each run. */
const answersOfRun = 6;

/** Runs that went on while their store was away. */
export interface Blinked {
  readonly runs: number;
  readonly failed: readonly string[];
  /** Calls of the model beyond one for each answer. */
  readonly calledAgain: number;
  readonly elapsedMs: number;
}

/** Ways to take a server away from the runs on it, and to give it back. */
export const blinks = {
  restarted: (server: OwnPostgresServer) => goneFor(server, "SIGINT", 0),
  crashed: (server: OwnPostgresServer) => goneFor(server, "SIGQUIT", 0),
  cut: (server: OwnPostgresServer) => cutConnections(server.url),
  "gone for 3 s": (server: OwnPostgresServer) => goneFor(server, "SIGINT", 3_000),
  "gone for 30 s": (server: OwnPostgresServer) => goneFor(server, "SIGINT", 30_000),
};

/** Runs bundles of six answers at once on a Postgres that blinks in their middle. */
export async function runThroughBlink(
  server: OwnPostgresServer,
  blink: keyof typeof blinks,
  runs: number,
): Promise<Blinked> {
  const store = new PostgresStore({ connectionString: server.url });
  try {
    return await runThrough(store, `${blink}-${runs}`, runs, () => blinks[blink](server));
  } finally {
    await store.close();
  }
}

/** Runs bundles of six answers at once on a store, with something done to it in their middle. */
export async function runThrough(
  store: RunStore,
  name: string,
  runs: number,
  disturb: () => Promise<void>,
): Promise<Blinked> {
  let calls = 0;
  let isUnderWay = () => {};
  const underWay = new Promise<void>((resolve) => (isUnderWay = resolve));
  const model = scriptedModel(async () => {
    if (++calls > (runs * answersOfRun) / 3) isUnderWay();
    await pass(50);
    return { text: "yes" };
  });
  const tool = new PromptBundleTool({
    name: "blink",
    model,
    prompt: "x",
    // All runs ask one question: each is to pay for its own answers, and for none twice.
    reuse: "off",
    defaultOptions: { k: answersOfRun, stopping: "none", maxParallel: 2 },
  });
  const orchestrator = new ReliableOrchestrator({ store, state: new ReliabilityState() });
  const startedAtMs = performance.now();
  const outcomes = Array.from({ length: runs }, (_, at) =>
    orchestrator.run({ tool, request: {}, options: { idempotencyKey: `${name}-${at}` } }).then(
      ({ status }) => status,
      (error: Error) => error.message,
    ),
  );
  await underWay;
  await disturb();
  const ended = await Promise.all(outcomes);
  return {
    runs,
    failed: ended.filter((end) => end !== "completed"),
    calledAgain: calls - runs * answersOfRun,
    elapsedMs: Math.round(performance.now() - startedAtMs),
  };
}

/** Runs 20 replicates in each of so many processes, on a server that takes fewer connections than they open. */
export async function crowd(server: OwnPostgresServer, processes: number): Promise<readonly string[]> {
  const program = join(import.meta.dirname, "programs", "crowded.ts");
  return Promise.all(
    Array.from({ length: processes }, async (_, at) => {
      const child = spawn(process.execPath, ["--no-warnings", program, server.url, String(at)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const [output] = await Promise.all([text(child.stdout), once(child, "close")]);
      return output.trim();
    }),
  );
}

async function goneFor(server: OwnPostgresServer, signal: "SIGINT" | "SIGQUIT", ms: number): Promise<void> {
  await server.goAway(signal);
  await pass(ms);
  await server.comeBack();
}

async function cutConnections(url: string): Promise<void> {
  const client = new Client(url);
  client.on("error", () => {});
  await client.connect();
  await client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'steer-llm-sdk'");
  await client.end();
}
