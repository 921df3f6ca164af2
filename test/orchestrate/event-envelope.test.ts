import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  defineBundleTool,
  defineTool,
  EventManager,
  type OrchestrationEvent,
  Orchestrator,
  ReliableOrchestrator,
  unwrap,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";

const vote = defineBundleTool({
  name: "vote",
  input: z.object({ q: z.string() }),
  schema: z.object({ v: z.string(), tags: z.array(z.string()) }),
  defaultOptions: { k: 3, stopping: "none" },
  executeReplicate: async () => ({ data: { v: "right", tags: ["a"] } }),
});

/** Runs a tool that emits by its own words, and gives what was heard of it. */
async function heardOf(emit: (events: any) => void) {
  const heard: OrchestrationEvent[] = [];
  const tool = defineTool({
    name: "tool",
    execute(_request: object, _options, { events }) {
      emit(events);
      return "done";
    },
  });
  const output = await new Orchestrator().run({ tool, request: {}, onEvent: (event) => void heard.push(event) });
  return { heard, output };
}

test("tells the ceilings of a run at its start, and K as a bundle tool starts", async () => {
  const firstOf = async (options: object) => {
    const heard: OrchestrationEvent[] = [];
    const onEvent = (event: OrchestrationEvent) => void heard.push(event);
    await new Orchestrator().run({ tool: vote, request: { q: "?" }, options, onEvent });
    return heard.slice(0, 2);
  };
  const [started, tool] = await firstOf({ budget: { tokens: 900, costUsd: undefined } });
  expect(started).toMatchObject({ type: "run_started", budget: { tokens: 900 } });
  expect(tool).toMatchObject({ type: "tool_started", toolName: "vote", k: 3 });
  expect((await firstOf({}))[0]).not.toHaveProperty("budget");
  // An option of a plain tool that is called `k` is its own.
  const { heard } = await heardOf(() => {});
  expect(heard[1]).not.toHaveProperty("k");
});

describe("the envelope of an event", () => {
  const forged = {
    type: "cancelled",
    seq: 99,
    timestamp: "never",
    traceId: "t",
    requestId: "r",
    source: "s",
    attempt: 9,
  };

  test("is the run's: data overrides no field of it", async () => {
    const { heard, output } = await heardOf((events) => events.emit("progress", { ...forged, name: "half" }));
    expect(heard.map(({ type }) => type)).toEqual(["run_started", "tool_started", "progress", "run_completed"]);
    expect(heard.map(({ seq }) => seq)).toEqual([0, 1, 2, 3]);
    const { traceId, requestId } = output;
    expect(heard[2]).toMatchObject({ name: "half", traceId, requestId, source: "tool", attempt: 1 });
    expect(heard[2]?.timestamp).not.toBe("never");
  });

  test("keeps its place where data has a prototype of its own", async () => {
    const { heard } = await heardOf((events) =>
      events.emit("progress", JSON.parse('{"name":"half","__proto__":{"seq":7}}')),
    );
    expect(heard[2]).toMatchObject({ name: "half", seq: 2 });
    expect(Object.getPrototypeOf(heard[2])).toBe(Object.prototype);
  });

  test.each([
    "run_started",
    "run_completed",
    "run_failed",
    "cancelled",
    "timeout",
    "plan_selected",
    "fallback_started",
  ])("of a %s is never a tool's", async (type) => {
    const { heard } = await heardOf((events) => events.emit(type, {}));
    expect(heard.map(({ type }) => type)).toEqual(["run_started", "tool_started", "run_completed"]);
  });

  test("of an event that throws takes no number", async () => {
    const broken = {
      get name(): string {
        throw new Error("unreadable");
      },
    };
    const { heard } = await heardOf((events) => {
      expect(() => events.emit("progress", broken)).toThrow("unreadable");
      events.emit("progress", { name: "half" });
    });
    expect(heard.map(({ seq }) => seq)).toEqual([0, 1, 2, 3]);
  });

  test("is the manager's own outside of runs", () => {
    const heard: unknown[] = [];
    const manager = new EventManager();
    manager.on("*", (event) => heard.push(event));
    manager.emit("progress", { ...forged, name: "half" } as any);
    expect(heard).toMatchObject([{ type: "progress", seq: 0, name: "half", traceId: "", attempt: 1 }]);
  });
});

describe("listeners change nothing", () => {
  /** Writes into everything that it can reach. */
  function spoil(value: any, seen = new Set<unknown>()): any {
    if (typeof value !== "object" || value === null || seen.has(value)) return value;
    seen.add(value);
    if (value instanceof Date) value.setTime(1);
    for (const name of Object.keys(value)) {
      spoil(value[name], seen);
      try {
        value[name] = "spoilt";
      } catch {}
    }
    return value;
  }

  test.each([
    ["a listener", (event: any) => spoil(event), undefined],
    ["a redactor", undefined, (event: any) => spoil(event)],
  ])(
    "%s that writes into every event leaves votes, output and what is kept as they were",
    async (_, onEvent, redact) => {
      // Earlier bundles of the process would change the confidence of later ones.
      const settings = { state: new ReliabilityState(), store: new MemoryStore(), calibrations: "off" as const };
      const run = (key: string, extra: object) =>
        new ReliableOrchestrator(settings).run({
          tool: vote,
          request: { q: "?" },
          options: { idempotencyKey: key, ...(redact && { redact }) },
          ...extra,
        });
      const clean = unwrap(
        await new Orchestrator({ calibrations: "off" }).run({ tool: vote, request: { q: "?" } }),
      ).evidenceBundle;
      const spoilt = unwrap(await run("a", { onEvent })).evidenceBundle;
      expect(spoilt.summary).toEqual(clean.summary);
      expect(spoilt.replicates.map(({ data }) => data)).toEqual(clean.replicates.map(({ data }) => data));
      const replayed = await run("a", {});
      expect(replayed.metadata.replayed).toBe(true);
      expect(unwrap(replayed).evidenceBundle.summary).toEqual(clean.summary);
    },
  );

  test("one listener hears what was said, whatever another one has written into it", async () => {
    const heard: unknown[] = [];
    const eventManager = new EventManager();
    eventManager.on("*", (event) => spoil(event));
    eventManager.on("replicate_done", ({ replicate }) => heard.push(replicate.data));
    await new Orchestrator().run({ tool: vote, request: { q: "?" }, eventManager });
    expect(heard).toMatchObject([{ v: "right" }, { v: "right" }, { v: "right" }]);
  });

  test("changes after the emit do not reach listeners", async () => {
    const data = { at: new Date(0), list: [1], bytes: new Uint8Array([1]) };
    const heard: any[] = [];
    const tool = defineTool({
      name: "tool",
      execute(_request: object, _options, { events }) {
        events.emit("progress", { name: "data", data: data as any });
        spoil(data);
        data.at.setTime(1);
        return "done";
      },
    });
    const run = new Orchestrator().stream({ tool, request: {} });
    for await (const event of run) if (event.type === "progress") heard.push(event.data);
    expect(heard).toEqual([{ at: new Date(0), list: [1], bytes: new Uint8Array([1]) }]);
  });

  test("an event that contains itself is heard", async () => {
    const circle: any = { name: "circle" };
    circle.data = circle;
    const { heard } = await heardOf((events) => events.emit("progress", circle));
    expect(heard[2]).toMatchObject({ name: "circle" });
  });

  test("a caller may still change its output", async () => {
    const output = await new Orchestrator().run({ tool: vote, request: { q: "?" }, onEvent() {} });
    output.metadata["mine"] = 1;
    unwrap(output).evidenceBundle.summary.validCount = 0;
    expect(Object.isFrozen(output.content)).toBe(false);
  });
});

describe("replicate_done", () => {
  const heardBy = async (store: object, onStoreError: "fail" | "run_unprotected", key: string | undefined) => {
    const heard: object[] = [];
    const orchestrator = new ReliableOrchestrator({
      state: new ReliabilityState(),
      store: Object.assign(new MemoryStore(), store),
      reliabilityConfig: { onStoreError },
    });
    await orchestrator
      .run({
        tool: vote,
        request: { q: "?" },
        toolOptions: { k: 1 },
        options: key === undefined ? {} : { idempotencyKey: key },
        onEvent(event) {
          if (event.type === "replicate_done") heard.push({ kept: event.kept, reason: event.reason });
        },
      })
      .catch(() => {});
    return heard;
  };
  const failing = (operation: string) => ({ [operation]: () => Promise.reject(new Error("disk full")) });

  test("says that the store has it", async () => {
    expect(await heardBy({}, "fail", "a")).toEqual([{ kept: true, reason: undefined }]);
  });

  test("says nothing of a store in a run without a key", async () => {
    expect(await heardBy({}, "fail", undefined)).toEqual([{ kept: undefined, reason: undefined }]);
  });

  test.each(["fail", "run_unprotected"] as const)(
    "says that it was not kept, and why, with onStoreError: %s",
    async (onStoreError) => {
      const [event] = await heardBy(failing("append"), onStoreError, "a");
      expect(event).toMatchObject({ kept: false, reason: expect.stringContaining("disk full") });
    },
  );

  test("says that it was not kept where the key could not be claimed", async () => {
    const [event] = await heardBy(failing("claim"), "run_unprotected", "a");
    expect(event).toEqual({ kept: false, reason: "the run goes on without its store" });
  });
});
