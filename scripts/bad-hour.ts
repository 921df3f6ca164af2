/**
 * Runs jobs of 1,000 inputs over a server that has a bad hour: away for ten seconds three times, refusing a fifth of its
 * calls for a minute, limiting them, dropping connections. Each job runs twice: by `runMany`, and by `steer run`, which
 * is killed in its middle and started again. Prints one table, and fails where an input has no answer or more than a
 * quarter of the calls were refused.
 *
 *     node scripts/bad-hour.ts [--only limit] [--count 1000]
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { parseArgs } from "node:util";
import { hasEvidence } from "../src/contract/output.ts";
import { ReliableOrchestrator } from "../src/orchestrate/reliable-orchestrator.ts";
import { ReliabilityState } from "../src/orchestrate/state.ts";
import { PromptBundleTool } from "../src/tool/prompt/prompt-bundle-tool.ts";
import { type BadServer, mostInSecond, type Plan, startBadServer, trafficOf } from "../test/jobs/bad-server.ts";

const { values } = parseArgs({
  options: { only: { type: "string", default: "" }, count: { type: "string", default: "1000" } },
});
const count = Number(values.count);
const minute = 60_000;
const main = join(import.meta.dirname, "../src/cli/main.ts");
const down = [5_000, 90_000, 180_000].map((fromMs) => ({ fromMs, forMs: 10_000 }));

const plans: Record<string, Plan> = {
  "away for 10 s, three times": { latencyMs: 2_000, down },
  "refuses 20 % for a minute": { latencyMs: 500, refuses: { share: 0.2, untilMs: minute } },
  "20 a second, with Retry-After": { latencyMs: 300, limit: { perSecond: 20, retryAfter: true } },
  "20 a second, without Retry-After": { latencyMs: 300, limit: { perSecond: 20, retryAfter: false } },
  "21 a second, 1,200 a minute given": { latencyMs: 300, limit: { perSecond: 21, retryAfter: false } },
  "drops 10 % of connections": { latencyMs: 300, drops: { share: 0.1, untilMs: Number.POSITIVE_INFINITY } },
  "all of it": {
    latencyMs: 300,
    down,
    refuses: { share: 0.2, untilMs: minute },
    drops: { share: 0.02, untilMs: Number.POSITIVE_INFINITY },
    limit: { perSecond: 20, retryAfter: false },
  },
};
/** Most of the calls that may be refused. */
const mostRefused = 0.25;
/** Time after the start of a process after which a limit counts as known. */
const knownAfterMs = 5_000;

/** Limits that are given to a job in requests a minute, by the name of its server. */
const given: Record<string, number> = { "21 a second, 1,200 a minute given": 1_200 };

const rows: string[] = [];
for (const [name, plan] of Object.entries(plans)) {
  if (!name.includes(values.only)) continue;
  const [api, command] = await Promise.all([overRunMany(plan, given[name]), overCommand(plan, given[name])]);
  rows.push(row(name, "runMany", api), row(name, "steer run, killed", command));
}
console.log(
  [
    "| server | job | inputs answered | calls | refused | most calls in a second | answered twice | seconds |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...rows,
  ].join("\n"),
);

interface Outcome {
  readonly answered: number;
  readonly server: BadServer;
  /** Times at which a process of the job began. */
  readonly startsMs: readonly number[];
  readonly elapsedMs: number;
}

async function overRunMany(plan: Plan, requestsPerMinute: number | undefined): Promise<Outcome> {
  await using server = await startBadServer(plan);
  const tool = new PromptBundleTool({
    name: "reads",
    model: `openai-compatible:${server.baseURL}#model`,
    prompt: "{{report}}",
    defaultOptions: { k: 1 },
  });
  const requests = (function* () {
    for (let index = 0; index < count; index++) yield { report: `report ${index}` };
  })();
  const answered = new Set<number>();
  const startedMs = performance.now();
  const orchestrator = new ReliableOrchestrator({
    state: new ReliabilityState(),
    ...(requestsPerMinute && { limits: { [`openai-compatible:${server.baseURL}#model`]: { requestsPerMinute } } }),
  });
  for await (const done of orchestrator.runMany({ tool, requests })) {
    if ("error" in done || !hasEvidence(done.output)) continue;
    const { consensus } = done.output.content.evidenceBundle.summary;
    if (consensus === `answer ${done.index}`) answered.add(done.index);
  }
  return { answered: answered.size, server, startsMs: [0], elapsedMs: performance.now() - startedMs };
}

async function overCommand(plan: Plan, requestsPerMinute: number | undefined): Promise<Outcome> {
  await using server = await startBadServer(plan);
  const cwd = mkdtempSync(join(tmpdir(), "steer-bad-hour-"));
  const tool = {
    name: "reads",
    model: `openai-compatible:${server.baseURL}#model`,
    prompt: "{{report}}",
    defaultOptions: { k: 1 },
  };
  writeFileSync(join(cwd, "reads.json"), JSON.stringify(tool));
  const reports = Array.from({ length: count }, (_, index) => `${JSON.stringify({ report: `report ${index}` })}\n`);
  writeFileSync(join(cwd, "in.jsonl"), reports.join(""));
  const output = join(cwd, "out.jsonl");
  const startedMs = performance.now();
  const limits = requestsPerMinute
    ? ["--limits", `openai-compatible:${server.baseURL}#model=${requestsPerMinute}rpm`]
    : [];
  const start = () =>
    spawn(process.execPath, [main, "run", "reads.json", "-i", "in.jsonl", "-o", "out.jsonl", ...limits], {
      cwd,
      stdio: ["ignore", "ignore", "inherit"],
    });
  const first = start();
  const firstEnded = new Promise((resolve) => first.on("exit", resolve));
  while (linesOf(output).length < count / 2) await wait(100);
  first.kill("SIGKILL");
  await firstEnded;
  const kept = linesOf(output).map(({ index }) => index);
  const callsBefore = server.hits.length;
  const restartedMs = server.hits.at(-1)?.atMs ?? 0;
  const second = start();
  await new Promise((resolve) => second.on("exit", resolve));
  const asked = new Set(server.hits.slice(callsBefore).map(({ input }) => input));
  const again = kept.filter((index) => asked.has(index));
  if (again.length > 0) throw new Error(`${again.length} inputs that had a line were asked again`);
  const answered = new Set(
    linesOf(output)
      .filter(({ index, consensus }) => consensus === `answer ${index}`)
      .map(({ index }) => index),
  );
  rmSync(cwd, { recursive: true });
  return { answered: answered.size, server, startsMs: [0, restartedMs], elapsedMs: performance.now() - startedMs };
}

function linesOf(path: string): { index: number; consensus?: unknown }[] {
  if (!existsSync(path)) return [];
  const text = readFileSync(path, "utf8");
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

function row(name: string, job: string, { answered, server, startsMs, elapsedMs }: Outcome): string {
  const traffic = trafficOf(server.hits);
  if (answered < count || traffic.refusedShare > mostRefused) process.exitCode = 1;
  const cells = [
    name,
    job,
    `${answered} of ${count}`,
    traffic.calls,
    `${(100 * traffic.refusedShare).toFixed(1)} %`,
    mostInSecond(server.hits, startsMs, knownAfterMs),
    traffic.answeredTwice,
    (elapsedMs / 1000).toFixed(0),
  ];
  return `| ${cells.join(" | ")} |`;
}
