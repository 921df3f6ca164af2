import { Hono, type MiddlewareHandler } from "hono";
import { cors } from "hono/cors";
import { describeRoute } from "hono-openapi";
import type { Logger } from "../contract/settings.ts";
import type { AnyTool } from "../contract/tool.ts";
import { type Clock, schedule, systemClock } from "../core/clock.ts";
import type { ReliableOrchestrator } from "../orchestrate/reliable-orchestrator.ts";
import type { RunQueue } from "../queue/run-queue.ts";
import type { EventLog } from "../store/log/event-log.ts";
import { type Authenticate, authenticateBy, type Caller, type ServiceKey } from "./access.ts";
import { addChatRoutes } from "./chat-routes.ts";
import { LiveRuns } from "./live-runs.ts";
import { addMcpRoute } from "./mcp-route.ts";
import { describeService, operations } from "./openapi.ts";
import { RequestFault, respondToOpenAI, respondWithProblem } from "./problem.ts";
import { QueuedRuns } from "./queued-runs.ts";
import { addRunRoutes } from "./run-routes.ts";
import { ServedTools } from "./served-tools.ts";
import { addViewerRoutes } from "./viewer-files.ts";

/** Parts of a service. */
export interface ServiceSettings {
  /** Runs the tools. Its `events` have to be the same log. */
  orchestrator: ReliableOrchestrator<any>;
  /** Tools that clients may run; `"consensus:<provider:model>"` is one that asks the model what a request says. */
  tools: readonly (AnyTool | string)[];
  /** Log by which clients list, read and follow runs. */
  events: EventLog;
  /**
   * Queue that takes the runs, for the workers of a fleet that has the same store, event log and tools. Default: none, and the
   * service runs them itself.
   */
  queue?: RunQueue | undefined;
  /**
   * Keys of clients, or a function that tells who sends a request. Default: none, and the service answers to programs of this
   * machine alone.
   */
  keys?: readonly ServiceKey[] | Authenticate | undefined;
  /** Origins of pages of other sites that may use the service. Default: none. */
  origins?: readonly string[] | undefined;
  /** Most runs that go on at once; a further one is answered 429. Default: 1,000. */
  maxRuns?: number | undefined;
  /** Hears of faults of the service's own, of which clients are told nothing. Default: none. */
  logger?: Pick<Logger, "error"> | undefined;
  /** Default: the real clock. */
  clock?: Clock | undefined;
}

/** Service of tools over HTTP. */
export interface Service {
  /** Answers a request: for any server that speaks Fetch. */
  fetch(request: Request): Promise<Response>;
  /**
   * Takes no more runs, waits for those that go on, and cancels what is left after `deadlineMs`. Resolves with the number of runs
   * that it cancelled.
   */
  close(deadlineMs: number): Promise<{ readonly cutOff: number }>;
}

/** Things that the routes of a service share. */
export interface ServiceParts {
  readonly orchestrator: ReliableOrchestrator<any>;
  readonly events: EventLog;
  readonly tools: ServedTools;
  readonly runs: LiveRuns;
  /** Clients that follow runs. */
  readonly followers: Followers;
  /** Aborted once the service has closed. */
  readonly closed: AbortSignal;
  readonly clock: Clock;
}

/** Facts of a request that was let in. */
export interface ServiceEnv {
  Variables: { caller: Caller };
}

/**
 * Makes a service of an orchestrator, its tools and its event log: runs over HTTP, their events, and chat completions that
 * are a consensus.
 *
 * @throws InvalidOptionsError naming every part that cannot be used
 *
 * @example
 * ```ts
 * const events = new MemoryEventLog();
 * const service = createService({ orchestrator: new ReliableOrchestrator({ events }), events, tools: [triage] });
 * export default { fetch: service.fetch };
 * ```
 */
export function createService(settings: ServiceSettings): Service {
  const { orchestrator, events, queue, origins = [], maxRuns = 1_000, clock = systemClock } = settings;
  const authenticate = authenticateBy(settings.keys, origins);
  const queued = queue && new QueuedRuns({ queue, orchestrator, events, clock });
  const runs = new LiveRuns({ orchestrator, events, clock, maxRuns, queued });
  const closing = new AbortController();
  const parts: ServiceParts = {
    orchestrator,
    events,
    clock,
    runs,
    closed: closing.signal,
    followers: new Followers(),
    tools: new ServedTools(settings.tools),
  };

  const app = new Hono<ServiceEnv>();
  app.use(finishHeaders);
  if (origins.length > 0)
    app.use(cors({ origin: [...origins], exposeHeaders: ["location", "retry-after", "mcp-session-id"] }));
  const letIn = letInBy(authenticate);
  app.use("/v1/*", letIn);
  app.use("/mcp", letIn);
  addRunRoutes(app, parts);
  addChatRoutes(app, parts);
  addMcpRoute(app, parts);
  addStateRoutes(app, parts);
  addViewerRoutes(app);
  answerFaults(app, settings.logger);

  return {
    fetch: async (request) => app.fetch(request),
    async close(deadlineMs) {
      let cutOff = 0;
      const cancelAll = () => {
        cutOff = runs.cancelAll("the service ends");
      };
      const stop = schedule(clock, cancelAll, deadlineMs);
      await runs.close();
      stop();
      queued?.close();
      // The last events of a run that has just ended are on their way.
      for (let waitedMs = 0; parts.followers.count > 0 && waitedMs < lastEventsMs; waitedMs += lookMs)
        await clock.sleep(lookMs);
      closing.abort(new Error("the service has closed"));
      return { cutOff };
    },
  };
}

/** Longest wait for clients to have the last events of runs. */
const lastEventsMs = 500;
const lookMs = 20;

/** Adds the headers that keep responses safe, and lets go of a body that is not asked for. */
const finishHeaders: MiddlewareHandler<ServiceEnv> = async (c, next) => {
  await next();
  for (const [name, value] of Object.entries(safeHeaders)) if (!c.res.headers.has(name)) c.res.headers.set(name, value);
  // The body of a GET that only its head is asked of would wait for a reader for ever.
  if (c.req.method === "HEAD") await c.res.body?.cancel();
};

/** Headers of every response that does not say otherwise: no page may show it, run it or guess its type. */
const safeHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/** Lets in the callers that are known, and tells the routes who calls. */
function letInBy(authenticate: Authenticate): MiddlewareHandler<ServiceEnv> {
  return async (c, next) => {
    const caller = await authenticate(c.req.raw);
    if (!caller) {
      const detail = "The key is missing or not known. Send it as Authorization: Bearer <key>.";
      throw new RequestFault(401, "UNAUTHENTICATED", detail, { "www-authenticate": "Bearer" });
    }
    c.set("caller", caller);
    await next();
  };
}

/** Adds the routes that tell of the service itself: its tools, its providers, its health, its document. */
function addStateRoutes(app: Hono<ServiceEnv>, { tools, runs, events, orchestrator }: ServiceParts): void {
  app.get("/v1/tools", describeRoute(operations.listTools), (c) => c.json({ tools: tools.list(c.var.caller) }));
  app.get("/v1/providers", describeRoute(operations.listProviders), async (c) =>
    c.json({ providers: c.var.caller.tools ? [] : await providersOf(orchestrator) }),
  );
  app.get("/healthz", describeRoute(operations.health), (c) => c.json({ status: "ok" }));
  app.get("/readyz", describeRoute(operations.readiness), async (c) => {
    if (!runs.isOpen) throw new RequestFault(503, "CLOSING", "The service is about to end.");
    await events.list({ limit: 1 });
    return c.json({ status: "ready" });
  });
  app.get("/openapi.json", async (c) => c.json(await describeService(app)));
}

/** Answers what no route takes, and what a route throws. Faults of the service's own go to its log. */
function answerFaults(app: Hono<ServiceEnv>, logger: ServiceSettings["logger"]): void {
  const refuse = (error: unknown, path: string) => (isOfOpenAI(path) ? respondToOpenAI : respondWithProblem)(error);
  app.notFound((c) => {
    const { method, path } = c.req;
    const advice = adviceForClients[path.replace(/^\/v1(?=\/)/, "")] ?? "GET /openapi.json lists what is.";
    const fault = new RequestFault(404, "NOT_FOUND", `Nothing is at ${method} ${path}. ${advice}`);
    return refuse(fault, adviceForClients[path] ? `/v1${path}` : path);
  });
  app.onError((error, c) => {
    const response = refuse(error, c.req.path);
    if (response.status === 500) logger?.error({ err: error }, "A request met a fault of the service's own.");
    return response;
  });
}

/** Says what a client of OpenAI's has to change, by the address that it asks. */
const adviceForClients: Readonly<Record<string, string>> = Object.assign(Object.create(null), {
  "/chat/completions": "The base URL ends in /v1.",
  "/models": "The base URL ends in /v1.",
  "/responses": "Use POST /v1/chat/completions: chat.completions.create() of the openai package.",
});

/** True of an address of OpenAI's API, whether or not it is served: all under /v1 that is not the service's own. */
function isOfOpenAI(path: string): boolean {
  return /^\/v1\/(?!(?:runs|tools)(?:\/|$))/.test(path);
}

/** Lists the providers that this process has called, with their circuits and pauses. */
async function providersOf(orchestrator: ReliableOrchestrator<any>) {
  const state = await orchestrator.providerState();
  const [circuits, pauses] = [state.breakers(), state.pauses()];
  return [...new Set([...Object.keys(circuits), ...Object.keys(pauses)])].map((name) => ({
    name,
    circuit: circuits[name] ?? "closed",
    ...(pauses[name] !== undefined && { pausedMs: Math.ceil(pauses[name]) }),
  }));
}

/** Counts the clients that read events. */
class Followers {
  count = 0;

  async *counted<T>(items: AsyncIterable<T>): AsyncGenerator<T, void> {
    this.count++;
    try {
      yield* items;
    } finally {
      this.count--;
    }
  }
}
