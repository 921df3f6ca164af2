/** A process that serves: `service` with its store and its log in files, or `bare`, a Hono handler around the same orchestrator. */
import { createServer } from "node:http";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { SqliteEventLog } from "../../src/events.ts";
import { PromptBundleTool, ReliableOrchestrator, toEventStreamResponse } from "../../src/index.ts";
import { createService } from "../../src/server.ts";
import { SqliteStore } from "../../src/stores/sqlite.ts";

const [kind, folder = "", port] = process.argv.slice(2);
const triage = new PromptBundleTool({
  name: "triage",
  model: "simulated:?error=0.05&latencyMs=400&truth=billing",
  prompt: "Which team owns this report? {{report}}",
  defaultOptions: { k: 5, stopping: "none" },
});
// A lease that is soon over: what a killed process held is free again within the time of a reconnect.
const reliabilityConfig = { leaseMs: 3_000 };
const close = kind === "bare" ? serveBare() : serveService();

process.once("SIGTERM", async () => {
  await close(20_000);
  process.exit(0);
});
process.once("disconnect", () => process.exit(0));

function serveService(): (deadlineMs: number) => Promise<unknown> {
  const events = new SqliteEventLog({ path: join(folder, "events.sqlite") });
  const store = new SqliteStore({ path: join(folder, "runs.sqlite") });
  const orchestrator = new ReliableOrchestrator({ store, events, reliabilityConfig });
  const service = createService({ orchestrator, events, tools: [triage], maxRuns: 2_000 });
  listen((request) => service.fetch(request));
  return (deadlineMs) => service.close(deadlineMs);
}

function serveBare(): () => Promise<void> {
  const orchestrator = new ReliableOrchestrator();
  const app = new Hono();
  app.post("/v1/runs", async (c) => {
    const { request } = await c.req.json();
    return toEventStreamResponse(orchestrator.stream({ tool: triage, request }));
  });
  listen(async (request) => app.fetch(request));
  return async () => {};
}

function listen(fetch: (request: Request) => Promise<Response>): void {
  const server = createServer(getRequestListener(fetch, { overrideGlobalObjects: false }));
  server.listen(Number(port), "127.0.0.1", 4_096, () => process.send?.("listens"));
  process.on("message", () => process.send?.({ cpuMs: cpuMs(), rssMb: process.memoryUsage.rss() / 2 ** 20 }));
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
