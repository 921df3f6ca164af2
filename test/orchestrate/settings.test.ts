import { describe, expect, test } from "vitest";
import { InvalidOptionsError, Orchestrator, ReliableOrchestrator } from "../../src/index.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { defineTool } from "../../src/tool/define-tool.ts";

const tool = defineTool({ name: "t", execute: (_request: object, _options, { budget }) => budget.limits });

describe("an orchestrator's settings", () => {
  const wrong: Record<string, readonly [unknown, string]> = {
    planner: [{}, "an object with a plan function"],
    store: [{ close() {} }, "a RunStore (claim, renew"],
    state: [{}, "a ReliabilityState"],
    reliabilityConfig: [7, "an object of reliability options"],
    registry: [[], "a registry"],
    clock: ["now", "a clock with now and sleep"],
    maxParallel: [1, "belongs in toolOptions"],
    colour: [1, "one of registry, defaultOptions"],
  };

  test("that cannot be used are refused when it is made, all at once", () => {
    const settings = Object.fromEntries(Object.entries(wrong).map(([name, [value]]) => [name, value]));
    const error = refusal(() => new ReliableOrchestrator(settings));
    expect(error.issues.map(({ path }) => path).sort()).toEqual(Object.keys(wrong).sort());
    for (const { path, given, allowed } of error.issues) {
      expect(given).toBe(wrong[path]?.[0]);
      expect(allowed).toContain(wrong[path]?.[1]);
    }
  });

  test.each(["redis", "toString", 5, null])("do not take %j for a store", (store) => {
    expect(refusal(() => new ReliableOrchestrator({ store: store as any })).issues).toMatchObject([{ path: "store" }]);
  });

  test("take stores by name or as they are", () => {
    for (const store of ["memory", "sqlite", "postgres", new MemoryStore()] as const)
      expect(() => new ReliableOrchestrator({ store })).not.toThrow();
  });

  test("name what is wrong with default options, at their place", () => {
    const defaultOptions = { timoutMs: 5, budget: { token: 1 } } as object;
    const { issues } = refusal(() => new Orchestrator({ defaultOptions }));
    expect(issues.map(({ path }) => path)).toEqual(["defaultOptions.budget.token", "defaultOptions.timoutMs"]);
  });
});

describe("default options", () => {
  const defaultOptions = { budget: { costUsd: 1, tokens: 10 }, metadata: { team: "a", app: "x" }, timeoutMs: 1000 };

  test("hold part by part where a run does not say otherwise: no ceiling goes by setting another one", async () => {
    const orchestrator = new Orchestrator({ defaultOptions });
    const { content, metadata } = await orchestrator.run({
      tool,
      request: {},
      options: { budget: { tokens: 1000, costUsd: undefined }, metadata: { app: "y" }, timeoutMs: undefined },
    });
    expect(content).toEqual({ costUsd: 1, tokens: 1000, timeMs: 1000 });
    expect(metadata).toMatchObject({ team: "a", app: "y" });
  });

  test("are as they were when the orchestrator was made", async () => {
    const given = structuredClone(defaultOptions);
    const orchestrator = new Orchestrator({ defaultOptions: given });
    given.budget.tokens = 5_000;
    expect((await orchestrator.run({ tool, request: {} })).content).toMatchObject({ tokens: 10 });
  });
});

function refusal(make: () => unknown): InvalidOptionsError {
  try {
    make();
  } catch (error) {
    if (InvalidOptionsError.isInstance(error)) return error;
    throw error;
  }
  throw new Error("It was made");
}
