import { getEventListeners } from "node:events";
import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  type AnyTool,
  BundleTool,
  defineBundleTool,
  defineTool,
  Orchestrator,
  PromptBundleTool,
  ReliableOrchestrator,
  type ResolvedBundleOptions,
  type ToolContext,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { createFakeClock } from "../../src/testing.ts";

/** Counts the calls of a model that answers after a moment, and knows which of them are open. */
class Calls {
  started = 0;
  open = 0;
  aborted = 0;
  signals: AbortSignal[] = [];

  readonly model: any = {
    specificationVersion: "v4",
    provider: "counted",
    modelId: "counted-1",
    supportedUrls: {},
    doGenerate: async ({ abortSignal }: { abortSignal: AbortSignal }) => {
      this.started++;
      this.open++;
      this.signals.push(abortSignal);
      try {
        await setTimeout(5, undefined, { signal: abortSignal });
      } catch (error) {
        this.aborted++;
        throw error;
      } finally {
        this.open--;
      }
      return {
        content: [{ type: "text", text: "yes" }],
        finishReason: { unified: "stop", raw: "stop" },
        usage: { inputTokens: { total: 150 }, outputTokens: { total: 50 } },
        warnings: [],
      };
    },
  };

  readonly tool = new PromptBundleTool({
    name: "inner",
    model: this.model,
    prompt: "{{q}}",
    maxOutputTokens: 50,
    defaultOptions: { k: 7, stopping: "none", maxParallel: 1 },
  });
}

/** Waits until a first call has been answered and a second one is open. */
async function underWay(calls: Calls): Promise<void> {
  while (calls.started < 2 || calls.open < 1) await setTimeout(1);
}

type Inner = (calls: Calls, context: ToolContext, orchestrator: Orchestrator) => Promise<unknown>;

const byContext: Inner = (calls, context) => calls.tool.execute({ q: "?" }, { k: 7, stopping: "none" }, context);
const byRun: Inner = (calls, _context, orchestrator) => orchestrator.run({ tool: calls.tool, request: { q: "?" } });
const byStream: Inner = async (calls, _context, orchestrator) => {
  for await (const _ of orchestrator.stream({ tool: calls.tool, request: { q: "?" } }));
};
const byMany: Inner = async (calls, _context, orchestrator) => {
  for await (const _ of orchestrator.runMany({ tool: calls.tool, requests: [{ q: "1" }, { q: "2" }], concurrency: 1 }));
};

/** Ways in which the code of an attempt goes on without what it has started. */
const endings: Record<string, (inner: () => Promise<unknown>, calls: Calls) => Promise<unknown>> = {
  "a sibling fails": async (inner, calls) =>
    Promise.all([inner(), underWay(calls).then(() => Promise.reject(new Error("sibling")))]),
  "a race is won": async (inner, calls) => Promise.race([inner(), underWay(calls).then(() => "won")]),
  "an await is forgotten": async (inner, calls) => {
    void inner();
    await underWay(calls);
    return "forgot";
  },
  "it throws": async (inner, calls) => {
    void inner();
    await underWay(calls);
    throw new Error("broken");
  },
};

const plain = (work: (context: ToolContext) => Promise<unknown>): AnyTool =>
  defineTool({ name: "outer", execute: (_request: object, _options, context) => work(context).then(String) });
const replicated = (work: (context: ToolContext) => Promise<unknown>): AnyTool =>
  defineBundleTool({
    name: "outer",
    input: z.object({}),
    schema: z.string(),
    defaultOptions: { k: 1 },
    executeReplicate: async (_request, _replicate, context) => ({ data: String(await work(context)) }),
  });
const overridden = (work: (context: ToolContext) => Promise<unknown>): AnyTool =>
  new (class extends BundleTool<object, string> {
    readonly name = "outer";
    override async executeReplicate() {
      return { data: "yes" };
    }
    override async executeBundle(request: object, options: ResolvedBundleOptions, context: ToolContext) {
      await work(context);
      return super.executeBundle(request, options, context);
    }
  })();
const ownExecute = (work: (context: ToolContext) => Promise<unknown>): AnyTool =>
  new (class extends BundleTool<object, string> {
    readonly name = "outer";
    override async executeReplicate() {
      return { data: "yes" };
    }
    override async execute(request: object, options: any, context: ToolContext) {
      await work(context);
      return super.execute(request, options, context);
    }
  })();

const kinds = {
  "plain tool": plain,
  replicate: replicated,
  "overridden executeBundle": overridden,
  "overridden execute": ownExecute,
};
const inners = { "the context": byContext, run: byRun, stream: byStream, runMany: byMany };
const orchestrators = {
  basic: () => new Orchestrator(),
  reliable: () => new ReliableOrchestrator({ state: new ReliabilityState(), reliabilityConfig: { maxRetries: 0 } }),
};

const rows = Object.keys(orchestrators).flatMap((orchestrator) =>
  Object.keys(kinds).flatMap((kind) =>
    Object.keys(inners).flatMap((inner) =>
      Object.keys(endings).map((ending) => [orchestrator, kind, inner, ending] as const),
    ),
  ),
);

describe("an attempt that ends leaves nothing of what it has started", () => {
  test.each(rows)("%s orchestrator, %s, inner work by %s: %s", async (orchestratorName, kind, innerName, ending) => {
    const calls = new Calls();
    const orchestrator = orchestrators[orchestratorName as keyof typeof orchestrators]();
    let signal: AbortSignal | undefined;
    const tool = kinds[kind as keyof typeof kinds](async (context) => {
      signal = context.signal;
      const inner = inners[innerName as keyof typeof inners];
      return endings[ending]?.(() => inner(calls, context, orchestrator), calls);
    });
    const output = await orchestrator.run({ tool, request: {} }).catch((error) => error.partial);
    const atTheEnd = { started: calls.started, open: calls.open };
    expect(signal?.aborted).toBe(true);
    await setTimeout(20);
    expect({ started: calls.started, open: calls.open }).toEqual({ started: atTheEnd.started, open: 0 });
    expect(calls.signals.every(({ aborted }) => aborted)).toBe(true);
    // One answer was whole; the call that was cut off is counted as the most that it may have used.
    expect(output.usage.requests).toBe(2);
    expect(output.usage.totalTokens).toBeGreaterThanOrEqual(250);
  });
});

describe("code that an attempt has left behind", () => {
  test("starts no call, also where it starts another run later", async () => {
    const calls = new Calls();
    const orchestrator = new Orchestrator();
    const late: Promise<unknown>[] = [];
    const hedged = defineTool({
      name: "hedged",
      execute(_request: object, _options, context) {
        late.push(setTimeout(15).then(() => orchestrator.run({ tool: calls.tool, request: { q: "late" } })));
        late.push(setTimeout(15).then(() => calls.tool.execute({ q: "late" }, {}, context)));
        return "early";
      },
    });
    expect((await orchestrator.run({ tool: hedged, request: {} })).content).toBe("early");
    expect((await Promise.allSettled(late)).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(calls.started).toBe(0);
  });

  test("does not count twice what an inner run has used that was cut off", async () => {
    const calls = new Calls();
    const orchestrator = new Orchestrator();
    const outer = defineTool({
      name: "outer",
      async execute(_request: object, _options, { reportUsage }) {
        await orchestrator.run({ tool: calls.tool, request: { q: "?" } }).catch((error) => {
          reportUsage(error.partial.usage, error.partial.costUsd);
          throw error;
        });
      },
    });
    const controller = new AbortController();
    const run = orchestrator.run({ tool: outer, request: {}, signal: controller.signal });
    await underWay(calls);
    controller.abort(new Error("enough"));
    const error = await run.catch((thrown) => thrown);
    expect(error.partial.usage.requests).toBe(2);
  });

  test("a listener that starts a run starts one of its own", async () => {
    const calls = new Calls();
    const orchestrator = new Orchestrator();
    const started: Promise<{ status: string }>[] = [];
    const tool = defineBundleTool({
      name: "heard",
      input: z.object({}),
      schema: z.string(),
      defaultOptions: { k: 1 },
      executeReplicate: async () => ({ data: "yes" }),
    });
    const onEvent = ({ type }: { type: string }) => {
      if (type === "replicate_done") started.push(orchestrator.run({ tool: calls.tool, request: { q: "?" } }));
    };
    await orchestrator.run({ tool, request: {}, onEvent });
    expect((await Promise.all(started)).map(({ status }) => status)).toEqual(["completed"]);
  });
});

/** Every way to end a run from outside. */
const ways: Record<string, (run: Started) => Promise<unknown>> = {
  "signal aborts": async ({ start, signal, reached }) => {
    const run = start("run", {});
    await reached;
    signal.abort(new Error("enough"));
    return run;
  },
  "deadline passes": async ({ start, clock, reached }) => {
    const run = start("run", { timeoutMs: 1_000 });
    run.catch(() => {});
    await reached;
    await clock.advance(1_000);
    return run;
  },
  "stream is cancelled": async ({ start, reached }) => {
    const stream = start("stream", {});
    await reached;
    stream.cancel();
    return stream.output;
  },
  "loop over the stream is left": async ({ start, reached }) => {
    const stream = start("stream", {});
    for await (const _ of stream) {
      await reached;
      break;
    }
    return stream.output;
  },
  "stream is disposed of": async ({ start, reached }) => {
    const stream = start("stream", {});
    await reached;
    await stream[Symbol.asyncDispose]();
    return stream.output;
  },
  "signal of runMany aborts": async ({ start, signal, reached }) => {
    const next = start("runMany", {})[Symbol.asyncIterator]().next();
    await reached;
    signal.abort(new Error("enough"));
    return next;
  },
};

interface Started {
  readonly start: (form: "run" | "stream" | "runMany", options: object) => any;
  readonly signal: AbortController;
  readonly clock: ReturnType<typeof createFakeClock>;
  readonly reached: Promise<void>;
}

/** Waits until its signal aborts; a listener or a timer that stays would show. */
type Hang = (signal?: AbortSignal) => Promise<never>;

interface World {
  readonly hang: Hang;
  readonly orchestrator: ReliableOrchestrator;
  readonly leaf: AnyTool;
}

type Stage = (world: World) => any;

const outerOf = (work: (context: ToolContext, world: World) => Promise<unknown>) => (world: World) => ({
  tool: defineTool({ name: "outer", execute: (_request: object, _options, context) => work(context, world) }),
});

/** Every stage of a run, those of runs inside it included. */
const stages: Record<string, Stage> = {
  "request is checked": ({ hang }) => ({
    tool: defineTool({
      name: "checked",
      input: { "~standard": { version: 1, vendor: "test", validate: () => hang() } } as any,
      execute: () => "never",
    }),
  }),
  "planner decides": ({ hang }) => ({ planner: { plan: () => hang() } }),
  "key is claimed": ({ hang, leaf }) => ({ tool: leaf, store: { claim: () => hang() }, key: "a" }),
  "tool is called": ({ leaf }) => ({ tool: leaf }),
  "tool is called that ignores its signal": outerOf((_context, { hang }) => hang()),
  "tool waits for a retry": outerOf((context, { hang }) => {
    void hang();
    context.signal.throwIfAborted();
    return Promise.reject(Object.assign(new Error("busy"), { status: 500 }));
  }),
  "fallback is called": ({ leaf }) => ({
    tool: defineTool({ name: "broken", execute: () => Promise.reject(new Error("broken")) }),
    fallbackTools: [leaf],
  }),
  "inner run calls its tool": outerOf((_context, { orchestrator, leaf }) =>
    orchestrator.run({ tool: leaf, request: {} }),
  ),
  "inner run of an inner run calls its tool": outerOf((_context, { orchestrator, leaf }) => {
    const middle = defineTool({ name: "middle", execute: () => orchestrator.run({ tool: leaf, request: {} }) });
    return orchestrator.run({ tool: middle, request: {} });
  }),
  "inner run with a key calls its tool": outerOf((_context, { orchestrator, leaf }) =>
    orchestrator.run({ tool: leaf, request: {}, options: { idempotencyKey: "inner" } }),
  ),
  "inner run waits for a retry": outerOf((_context, { orchestrator, hang }) => {
    const busy = defineTool({
      name: "busy",
      execute() {
        void hang();
        return Promise.reject(Object.assign(new Error("busy"), { status: 500 }));
      },
    });
    return orchestrator.run({ tool: busy, request: {} });
  }),
  "inner bundle asks a replicate": outerOf((context, { hang }) =>
    asking(hang).execute({}, { k: 3, stopping: "none" }, context),
  ),
  "inner run of a bundle asks a replicate": outerOf((_context, { orchestrator, hang }) =>
    orchestrator.run({ tool: asking(hang), request: {} }),
  ),
  "bundle asks many replicates": ({ hang }) => ({ tool: asking(hang), toolOptions: { k: 5, stopping: "none" } }),
};

function asking(hang: Hang) {
  return defineBundleTool({
    name: "asking",
    input: z.object({}),
    schema: z.string(),
    executeReplicate: (_request, _replicate, { signal }) => hang(signal),
  });
}

describe("a run that is ended leaves nothing", () => {
  const cases = Object.keys(stages)
    .flatMap((stage) => Object.keys(ways).map((way) => [stage, way] as const))
    .filter(([stage, way]) => !isImpossible(stage, way));

  test.each(cases)("while the %s: the %s", async (stage, way) => {
    const clock = createFakeClock();
    const signal = new AbortController();
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>();
    let calls = 0;
    let open = 0;
    const hang: Hang = (of) => {
      calls++;
      reach();
      return new Promise<never>((_, reject) => {
        if (!of) return;
        open++;
        of.addEventListener("abort", () => {
          open--;
          reject(of.reason);
        });
      });
    };
    const state = new ReliabilityState({ clock });
    const inner = new ReliableOrchestrator({ clock, state });
    const leaf = defineTool({ name: "leaf", execute: (_request: object, _options, context) => hang(context.signal) });
    const { planner, store, key, ...params } = (stages[stage] as Stage)({ hang, orchestrator: inner, leaf });
    const settings = { clock, state, planner, store: store && { ...silentStore, ...store } };
    const orchestrator = new ReliableOrchestrator(settings);
    const start: Started["start"] = (form, options) => {
      const shared = { ...params, signal: signal.signal, options: { ...options, ...(key && { idempotencyKey: key }) } };
      if (form !== "runMany") return orchestrator[form]({ request: {}, ...shared });
      return orchestrator.runMany({ requests: [{}], ...shared });
    };
    await ways[way]?.({ start, signal, clock, reached }).catch(() => {});
    await clock.advance(0);
    expect({ open, timers: clock.pending, listeners: getEventListeners(signal.signal, "abort").length }).toEqual({
      open: 0,
      timers: 0,
      listeners: 0,
    });
    const atTheEnd = calls;
    await clock.advance(600_000);
    expect(calls).toBe(atTheEnd);
  });
});

/** A run has no event before its request is checked, and runMany takes no key. */
function isImpossible(stage: string, way: string): boolean {
  if (way.startsWith("loop")) return stage === "request is checked";
  return way.includes("runMany") && stage === "key is claimed";
}

const silentStore = {
  claim: () => new Promise(() => {}),
  renew: async () => {},
  savePlan: async () => {},
  append: async () => {},
  settle: async () => {},
  release: async () => {},
  close: async () => {},
};
