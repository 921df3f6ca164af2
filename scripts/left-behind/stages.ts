import { z } from "zod";
import { largeBundles } from "../../bench/summary/lists.ts";
import { defineBundleTool, defineTool, PromptBundleTool, StoreError } from "../../src/index.ts";
import type { World } from "./world.ts";

/** Settings of an orchestrator and parameters of a run that hangs at one stage. */
export interface StageSetup {
  readonly settings?: object;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Every stage of a run at which it may wait. */
export const stages: Readonly<Record<string, (world: World) => StageSetup>> = {
  "request is checked": ({ hang }) => ({
    params: {
      tool: defineTool({
        name: "checked",
        input: { "~standard": { version: 1, vendor: "test", validate: () => hang() } } as any,
        execute: () => "never",
      }),
    },
  }),
  "planner decides": ({ hang }) => ({ settings: { planner: { plan: () => hang() } }, params: {} }),
  "key is claimed": (world) => keyed(world, { claim: () => world.hang() }),
  "store is away": (world) =>
    keyed(world, {
      claim: async () => {
        world.reach();
        throw new StoreError({ store: "test", operation: "claim", reason: "unavailable", advice: "wait" });
      },
    }),
  "key is held elsewhere": (world) =>
    keyed(world, {
      claim: async () => {
        world.reach();
        return { state: "running", sameFingerprint: true, leaseEndsInMs: 60_000 };
      },
    }),
  "answer is journaled": (world) => keyed(world, { append: () => world.hang() }, answering),
  "output is settled": (world) => keyed(world, { settle: () => world.hang() }, answering),
  "call waits for a retry": (world) => ({ params: { tool: failing(world, { status: 500 }) } }),
  "call waits for a pause": (world) => ({
    params: { tool: failing(world, { status: 429, responseHeaders: { "retry-after": "30" } }) },
  }),
  "call waits for its pace": ({ hang }) => ({
    settings: {
      pacer: { reserve: (_key: string, _cost: object, signal: AbortSignal) => hang(signal), pause: () => {} },
    },
    params: { tool: answering },
  }),
  "tool is called": ({ hang }) => ({
    params: { tool: defineTool({ name: "leaf", execute: (_request: object, _options, { signal }) => hang(signal) }) },
  }),
  "tool is called, deaf to its signal": ({ hang }) => ({
    params: { tool: defineTool({ name: "deaf", execute: () => hang() }) },
  }),
  "model is asked": (world) => ({ params: { tool: prompted(world.model("m"), {}) } }),
  "model is asked many times": (world) => ({
    params: { tool: prompted(world.model("m"), { k: 5, stopping: "none" }) },
  }),
  "model streams": (world) => ({ options: { streaming: true }, params: { tool: prompted(world.model("m"), {}) } }),
  "answer is checked": ({ hang }) => ({
    params: {
      tool: defineBundleTool({
        name: "checking",
        input: z.object({}),
        schema: { "~standard": { version: 1, vendor: "test", validate: () => hang() } } as any,
        defaultOptions: { k: 1 },
        executeReplicate: async () => ({ data: "yes" }),
      }),
    },
  }),
  "answer is corrected": (world) => ({
    params: { tool: prompted(world.model("m", ["not JSON"]), { k: 1, schema: { type: "object", required: ["a"] } }) },
  }),
  "evidence is computed": (world) => ({
    params: {
      tool: defineBundleTool({
        name: "computing",
        input: z.object({}),
        schema: z.any(),
        defaultOptions: { k: 2, stopping: "none" },
        executeReplicate: async (_request, { index }) => {
          if (index === 1) setImmediate(() => world.reach());
          return { data: largeBundles[3]?.answers()[index] };
        },
      }),
    },
  }),
  "judge is asked": (world) => ({
    params: {
      tool: prompted(world.model("m", ["It may well rain.", "The sun will shine."]), {
        k: 2,
        stopping: "none",
        compare: { judge: world.model("judge") },
      }),
    },
  }),
  "stronger model is asked": (world) => ({
    params: {
      tool: prompted(world.model("m", ["yes", "no", "may be"]), {
        k: 3,
        escalate: { below: 1, to: [world.model("large")] },
      }),
    },
  }),
  "fallback is called": ({ hang }) => ({
    params: {
      tool: defineTool({ name: "broken", execute: () => Promise.reject(new Error("broken")) }),
      fallbackTools: [defineTool({ name: "next", execute: (_request: object, _options, { signal }) => hang(signal) })],
    },
  }),
};

const answering = defineBundleTool({
  name: "answering",
  input: z.object({}),
  schema: z.string(),
  defaultOptions: { k: 1 },
  executeReplicate: async () => ({ data: "yes" }),
});

function prompted(model: object, defaultOptions: object) {
  return new PromptBundleTool({
    name: "prompted",
    model: model as any,
    prompt: "?",
    maxOutputTokens: 100,
    defaultOptions,
  });
}

function failing(world: World, facts: object) {
  return defineTool({
    name: "failing",
    execute() {
      world.reach();
      return Promise.reject(Object.assign(new Error("busy"), facts));
    },
  });
}

function keyed({ hang }: World, store: object, tool?: unknown): StageSetup {
  const leaf = defineTool({ name: "leaf", execute: (_request: object, _options, { signal }) => hang(signal) });
  return {
    settings: { store: { ...quietStore, ...store } },
    options: { idempotencyKey: "key" },
    params: { tool: tool ?? leaf },
  };
}

const quietStore = {
  claim: async (key: string) => ({ state: "won", token: { key, fence: 1 }, replicates: [] }),
  renew: async () => {},
  savePlan: async () => {},
  append: async () => {},
  settle: async () => {},
  release: async () => {},
  close: async () => {},
};
