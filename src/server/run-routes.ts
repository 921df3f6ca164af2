import type { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { bundleIn } from "../contract/bundle-json.ts";
import type { OrchestrationEvent } from "../contract/event.ts";
import { lazily } from "../core/lazily.ts";
import { resolveOptions } from "../core/options.ts";
import { respondWith } from "../orchestrate/event-stream.ts";
import type { ReviewDecision } from "../orchestrate/key/resolve-review.ts";
import { isEnd, type LoggedRunDetails } from "../store/log/event-log.ts";
import { type LoggedRunStream, streamRun } from "../store/log/stream-run.ts";
import type { Caller } from "./access.ts";
import { readJson } from "./body.ts";
import { errorFor, eventFor, outputFor, prefixOf, runFor } from "./client-view.ts";
import type { LiveRun } from "./live-runs.ts";
import { operations } from "./openapi.ts";
import { RequestFault, respondWithProblem } from "./problem.ts";
import { decisionBody, feedbackBody, keyIn, lastSeen, prefersAsync, readAsked, readFilter } from "./run-requests.ts";
import type { ServiceEnv, ServiceParts } from "./service.ts";

const loadReview = lazily(() => import("../orchestrate/key/resolve-review.ts"));

type App = Hono<ServiceEnv>;

/** Adds the routes of runs: start, list, get, follow, cancel, judge, decide. */
export function addRunRoutes(app: App, parts: ServiceParts): void {
  addStart(app, parts);
  addReading(app, parts);
  addCancel(app, parts);
  addFeedback(app, parts);
  addResolve(app, parts);
}

function addStart(app: App, parts: ServiceParts): void {
  const { runs, tools } = parts;
  app.post("/v1/runs", describeRoute(operations.startRun), async (c) => {
    const { raw } = c.req;
    const { caller } = c.var;
    const asked = { ...(await readAsked(await readJson(raw), tools, caller)), idempotencyKey: keyIn(raw) };
    if (prefersAsync(raw)) {
      const { runId } = await runs.start(asked, caller);
      const headers = { location: `/v1/runs/${encodeURIComponent(runId)}`, "preference-applied": "respond-async" };
      return c.json({ runId, status: "running" }, 202, headers);
    }
    const live = await runs.start(asked, caller, raw.signal);
    const wantsEvents = raw.headers.get("accept")?.includes("text/event-stream");
    return wantsEvents ? follow(parts, { runId: live.runId, afterSeq: -1, caller, live }) : endOf(live);
  });
}

function addReading(app: App, parts: ServiceParts): void {
  app.get("/v1/runs", describeRoute(operations.listRuns), async (c) => {
    const { caller } = c.var;
    const { runs, cursor } = await parts.events.list(readFilter(c.req.query(), caller), c.req.query("cursor"));
    return c.json({ runs: runs.map((run) => runFor(run, caller)), ...(cursor !== undefined && { cursor }) });
  });

  app.get("/v1/runs/:id", describeRoute(operations.getRun), async (c) => {
    const { caller } = c.var;
    const run = await find(parts, c.req.param("id"), caller);
    return c.json(runFor(await withDecision(parts, run), caller));
  });

  app.get("/v1/runs/:id/events", describeRoute(operations.followRun), async (c) => {
    const { caller } = c.var;
    const { runId } = await find(parts, c.req.param("id"), caller);
    const afterSeq = lastSeen(c.req.header("last-event-id"), c.req.query("after"));
    // Nothing is read for a request that wants the headers alone.
    return c.req.method === "HEAD" ? new Response(null) : follow(parts, { runId, afterSeq, caller });
  });
}

function addCancel(app: App, parts: ServiceParts): void {
  app.delete("/v1/runs/:id", describeRoute(operations.cancelRun), async (c) => {
    const { caller } = c.var;
    const run = await find(parts, c.req.param("id"), caller);
    const wentOn = await parts.runs.cancel(run, "a client cancelled it");
    // Nothing of an abandoned run goes on, wherever it was.
    if (!wentOn && !isEnd(run.status) && run.status !== "abandoned") {
      const detail = `Run ${run.runId} does not go on in this process, which cannot cancel it. Send this to the one where it does.`;
      throw new RequestFault(409, "CONFLICT", detail);
    }
    return c.json(runFor(await find(parts, run.runId, caller), caller));
  });
}

function addFeedback(app: App, parts: ServiceParts): void {
  app.post("/v1/runs/:id/feedback", describeRoute(operations.giveFeedback), async (c) => {
    const { correct } = resolveOptions(feedbackBody, await readJson(c.req.raw));
    const { output, runId } = await find(parts, c.req.param("id"), c.var.caller);
    const bundle = bundleIn(output?.content);
    if (!bundle)
      throw new RequestFault(409, "CONFLICT", `Run ${runId} has no evidence bundle to judge. Ask once it has ended.`);
    await parts.orchestrator.feedback({ bundle, correct });
    return c.body(null, 204);
  });
}

function addResolve(app: App, parts: ServiceParts): void {
  app.post("/v1/runs/:id/resolve", describeRoute(operations.resolveRun), async (c) => {
    const { caller } = c.var;
    const { accept, consensus } = resolveOptions(decisionBody, await readJson(c.req.raw));
    const decision = accept === undefined ? { consensus } : ({ accept, consensus } as ReviewDecision);
    const { output, request, runId, toolName } = await find(parts, c.req.param("id"), caller);
    const { key } = output?.metadata.needsReview ?? {};
    if (key === undefined) {
      const detail = `Run ${runId} does not wait for a decision. Runs with options.review may.`;
      throw new RequestFault(409, "CONFLICT", detail);
    }
    if (consensus !== undefined) {
      const { fitting } = await loadReview();
      await fitting(consensus, toolName, await parts.tools.find(toolName, request, caller));
    }
    const resolved = await parts.orchestrator.resolve(key, decision).catch((error) => {
      throw errorFor(error, caller);
    });
    return c.json({ runId, status: resolved.status, output: outputFor(resolved, runId, caller) });
  });
}

/** Finds the run of an id, where it is one of the caller's. */
async function find({ events }: ServiceParts, runId: string, caller: Caller): Promise<LoggedRunDetails> {
  const run = runId.startsWith(prefixOf(caller)) ? await events.find(runId) : undefined;
  if (run) return run;
  throw new RequestFault(404, "NOT_FOUND", `No run has the id ${JSON.stringify(runId)}. GET /v1/runs lists them.`);
}

/** Returns a run with the output that a person has decided: the log has it as the run left it. */
async function withDecision({ orchestrator }: ServiceParts, run: LoggedRunDetails): Promise<LoggedRunDetails> {
  const { key } = run.output?.metadata.needsReview ?? {};
  const kept = key === undefined ? undefined : await orchestrator.keptOutput(key);
  const isOfRun = kept?.metadata.reviewed !== undefined && kept.requestId === run.output?.requestId;
  return isOfRun ? { ...run, status: kept.status, output: kept } : run;
}

interface Following {
  readonly runId: string;
  /** Number of the last event that the client has; -1 for none. */
  readonly afterSeq: number;
  readonly caller: Caller;
  /** Run that ends where its client leaves. */
  readonly live?: LiveRun;
}

/** Responds with the events of a run after one of them. */
function follow(
  { events, clock, closed, followers }: ServiceParts,
  { runId, afterSeq, caller, live }: Following,
): Promise<Response> {
  const stream = streamRun(events, runId, { afterSeq, signal: closed, clock });
  const leave = (reason: unknown) => {
    stream.cancel(reason);
    live?.cancel("the client left");
  };
  const read = () => followers.counted(eventsFor(stream, caller));
  return respondWith(Object.create(stream, { cancel: { value: leave }, [Symbol.asyncIterator]: { value: read } }), {});
}

/** Answers with the output of a run. What it rejected with goes under the run's id. */
async function endOf({ runId, output }: LiveRun): Promise<Response> {
  try {
    const ended = await output;
    return Response.json({ runId, status: ended.status, output: ended });
  } catch (error) {
    return respondWithProblem(error, { runId });
  }
}

async function* eventsFor(stream: LoggedRunStream, caller: Caller): AsyncGenerator<OrchestrationEvent, void> {
  for await (const event of stream) yield eventFor(event, stream.runId, caller);
}
