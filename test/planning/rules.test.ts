import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PlanningError } from "../../src/contract/errors.ts";
import type { ToolMetadata } from "../../src/contract/tool.ts";
import { InvalidOptionsError } from "../../src/core/errors.ts";
import { type PlanContext, type PlanningRule, RuleBasedPlanner } from "../../src/planning.ts";
import { scriptedTool } from "../../src/testing.ts";

const plain: ToolMetadata = { version: "1.0.0", description: "", supportsBundle: false, capabilities: [] };
const bundle: ToolMetadata = { ...plain, supportsBundle: true };

function tools(...names: string[]): Record<string, ToolMetadata> {
  return Object.fromEntries(names.map((name) => [name, plain]));
}

type RuleParts = Partial<Pick<PlanningRule, "priority" | "conditions"> & Omit<PlanningRule["action"], "toolName">>;

function rule(name: string, toolName: string, { priority, conditions = [], ...action }: RuleParts = {}): PlanningRule {
  return { name, priority, conditions, action: { toolName, ...action } };
}

const open = (...providers: string[]): PlanContext => ({
  circuitBreakerStates: Object.fromEntries(providers.map((provider) => [provider, "open"])),
});

describe("RuleBasedPlanner", () => {
  test("lets the rule of the highest priority decide, and of equal ones the one added first", async () => {
    const planner = new RuleBasedPlanner([rule("one", "a"), rule("two", "b", { priority: 5 })])
      .addRule(rule("three", "c", { priority: 5 }))
      .addRule(rule("four", "d", { priority: -1 }));
    const decision = await planner.plan({}, tools("a", "b", "c", "d"));
    expect(decision).toMatchObject({ selectedTool: "b", confidence: 1, metadata: { matchedRule: "two" } });
    expect(decision.reasoning).toContain('"two"');
  });

  test("tells a rule's description with its reasoning", async () => {
    const planner = new RuleBasedPlanner([{ ...rule("big", "a"), description: "large reports are summarised first" }]);
    expect((await planner.plan({}, tools("a"))).reasoning).toBe(
      'Rule "big" holds (large reports are summarised first).',
    );
  });

  test("asks that all conditions of a rule hold", async () => {
    const both = rule("both", "a", {
      conditions: [
        { attributePath: "size", operator: "gt", value: 10 },
        { attributePath: "tags", matches: (value) => Array.isArray(value) },
      ],
    });
    const planner = new RuleBasedPlanner([both, rule("else", "b")]);
    const selected = async (request: unknown) => (await planner.plan(request, tools("a", "b"))).selectedTool;
    expect(await selected({ size: 11, tags: [] })).toBe("a");
    expect(await selected({ size: 11 })).toBe("b");
    expect(await selected({ size: 9, tags: [] })).toBe("b");
  });

  test("tries the healthy fallbacks of a rule before the next rule", async () => {
    const planner = new RuleBasedPlanner([
      rule("first", "a", { fallbackTools: ["missing", "b", "c"] }),
      rule("next", "d"),
    ]);
    const known = { ...tools("b", "c", "d"), a: { ...plain, provider: "openai" } };
    const decision = await planner.plan({}, known, open("openai"));
    expect(decision).toMatchObject({ selectedTool: "b", fallbackTools: ["c"], metadata: { matchedRule: "first" } });
    expect(decision.reasoning).toContain('the circuit of "openai" is open');
    expect(decision.reasoning).toContain('Not "missing"');
  });

  test("goes on to the next rule where no tool of a rule can run", async () => {
    const planner = new RuleBasedPlanner([rule("first", "a", { fallbackTools: ["b"] }), rule("next", "d")]);
    const decision = await planner.plan({}, tools("a", "b", "d"), { ...open("tool:a"), previousFailures: ["b"] });
    expect(decision).toMatchObject({ selectedTool: "d", metadata: { matchedRule: "next" } });
  });

  test("takes a half-open circuit for one that can be tried", async () => {
    const planner = new RuleBasedPlanner([rule("first", "a")]);
    const decision = await planner.plan({}, tools("a"), { circuitBreakerStates: { "tool:a": "half_open" } });
    expect(decision.selectedTool).toBe("a");
  });

  test("says for each tool why it cannot run where none can", async () => {
    const planner = new RuleBasedPlanner([rule("first", "a", { fallbackTools: ["b", "gone"] })]);
    const context = { ...open("tool:a"), previousFailures: ["b"] };
    const error = await planner.plan({}, tools("a", "b", "unasked"), context).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PlanningError);
    expect((error as PlanningError).reasons).toEqual({
      a: 'the circuit of "tool:a" is open',
      b: "it failed earlier in this run",
      gone: "no tool of this name is registered",
    });
    expect((error as PlanningError).message).toContain('"first"');
  });

  test("merges a rule's options with those that depend on the request and the run, which win", async () => {
    const planner = new RuleBasedPlanner([
      rule("first", "a", {
        toolOptions: { k: 3, epsilon: 0.1 },
        transformOptions: (request, { budget }) => ({ k: (request as { k: number }).k, fits: budget?.tokens }),
      }),
    ]);
    const { toolOptions } = await planner.plan({ k: 7 }, tools("a"), { budget: { tokens: 5 } });
    expect(toolOptions).toEqual({ k: 7, epsilon: 0.1, fits: 5 });
  });

  test("estimates with the tool's own estimate, and plans without where that fails", async () => {
    const estimate = (request: unknown, options: { k?: number }) => {
      if (request === null) throw new TypeError("no request");
      return { costUsd: 0.02 * (options.k ?? 1), timeMs: 900 };
    };
    const planner = new RuleBasedPlanner([rule("first", "a", { toolOptions: { k: 3 } })]);
    const known = { a: { ...bundle, estimate } };
    expect(await planner.plan({}, known)).toMatchObject({
      estimatedCostUsd: 0.06,
      estimatedDurationMs: 900,
      executionStrategy: "bundle",
    });
    expect(await planner.plan(null, known)).not.toHaveProperty("estimatedCostUsd");
  });

  test("runs a tool that a rule was given itself, registered or not", async () => {
    const own = Object.assign(scriptedTool("own", []), { provider: "acme", estimate: () => ({ costUsd: 1 }) });
    const planner = new RuleBasedPlanner([
      { name: "r", conditions: [], action: { toolName: own, fallbackTools: ["a"] } },
    ]);
    expect(planner.tools).toEqual([own]);
    expect(await planner.plan({}, {})).toMatchObject({ selectedTool: "own", estimatedCostUsd: 1 });
    expect(await planner.plan({}, tools("a"), open("acme"))).toMatchObject({ selectedTool: "a", fallbackTools: [] });
    expect(await planner.addRule(rule("by name", "own", { priority: 1 })).plan({}, {})).toMatchObject({
      selectedTool: "own",
      metadata: { matchedRule: "by name" },
    });
  });

  test("refuses two different tools of one name, and leaves its rules as they were", async () => {
    const planner = new RuleBasedPlanner([{ name: "r", conditions: [], action: { toolName: scriptedTool("t", []) } }]);
    const other = { name: "s", priority: 9, conditions: [], action: { toolName: scriptedTool("t", []) } };
    expect(() => planner.addRule(other)).toThrow(/rule\.action.*another tool named/);
    expect((await planner.plan({}, {})).metadata.matchedRule).toBe("r");
  });

  test("names every fault of a rule at once, and where it stands", () => {
    const faulty = {
      name: "",
      conditions: [{ attributePath: "a", operator: "in", value: 1 }],
      action: { toolNam: "x" },
    };
    const make = () => new RuleBasedPlanner([rule("fine", "a"), faulty as never]);
    expect(make).toThrow(InvalidOptionsError);
    const paths = ["rules.1.name", "rules.1.action.toolName", "rules.1.action.toolNam", "rules.1.conditions.0.value"];
    for (const path of paths) expect(make).toThrow(path);
    expect(() => new RuleBasedPlanner([undefined as never])).toThrow("rules.0.action: got undefined");
  });

  test("does not heed what becomes of a rule after it was added", async () => {
    const changing = rule("first", "a", { toolOptions: { k: 1 } });
    const planner = new RuleBasedPlanner([changing]);
    changing.action.toolName = "b";
    (changing.conditions as unknown[]).push({ attributePath: "never", operator: "exists" });
    expect((await planner.plan({}, tools("a", "b"))).selectedTool).toBe("a");
  });

  test("says whose function threw where a condition or the options of a rule throw", async () => {
    const thrown = new TypeError("v is undefined");
    const throwing = () => {
      throw thrown;
    };
    const byCondition = new RuleBasedPlanner([
      rule("careless", "a", { conditions: [{ attributePath: "x", matches: throwing }] }),
    ]);
    const byOptions = new RuleBasedPlanner([rule("careless", "a", { transformOptions: throwing })]);
    for (const planner of [byCondition, byOptions]) {
      const error = await planner.plan({}, tools("a")).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: "PLANNING", cause: thrown, message: expect.stringContaining('"careless"') });
    }
  });

  test("chooses only tools that can run, and none as its own fallback, whatever the rules and the state", async () => {
    const name = fc.constantFrom<string[]>("a", "b", "c", "d", "constructor");
    const anyRule = fc.record({ tool: name, fallbacks: fc.array(name), priority: fc.integer({ min: -1, max: 1 }) });
    const states = fc.dictionary(
      name.map((tool) => `tool:${tool}`),
      fc.constantFrom("open", "closed", "half_open"),
    );
    const state = fc.record({ registered: fc.uniqueArray(name), failed: fc.array(name), states });
    await fc.assert(
      fc.asyncProperty(fc.array(anyRule), state, async (rules, { registered, failed, states }) => {
        const planner = new RuleBasedPlanner(
          rules.map(({ tool, fallbacks, priority }, index) =>
            rule(`r${index}`, tool, { fallbackTools: fallbacks, priority }),
          ),
        );
        const canRun = (tool: string) =>
          registered.includes(tool) && !failed.includes(tool) && states[`tool:${tool}`] !== "open";
        const context = { circuitBreakerStates: states, previousFailures: failed };
        const decision = await planner.plan({}, tools(...registered), context).catch((error: unknown) => error);
        const named = rules.length > 0 ? rules.flatMap(({ tool, fallbacks }) => [tool, ...fallbacks]) : registered;
        if (decision instanceof PlanningError) {
          expect(named.filter(canRun)).toEqual([]);
          expect(new Set(Object.keys(decision.reasons))).toEqual(new Set(named));
          return;
        }
        const { selectedTool, fallbackTools } = decision as { selectedTool: string; fallbackTools: string[] };
        expect([selectedTool, ...fallbackTools].every(canRun)).toBe(true);
        expect(new Set([selectedTool, ...fallbackTools]).size).toBe(fallbackTools.length + 1);
      }),
      { numRuns: 500 },
    );
  });
});

describe("where no rule holds", () => {
  const never: PlanningRule = rule("never", "a", { conditions: [{ attributePath: "x", operator: "exists" }] });
  const planner = new RuleBasedPlanner([never]);

  test("takes the only tool that can run", async () => {
    const decision = await planner.plan("text", tools("a", "b"), open("tool:a"));
    expect(decision).toMatchObject({ selectedTool: "b", confidence: 1, fallbackTools: [], metadata: {} });
    expect(decision.reasoning).toContain("only tool");
  });

  test("takes the tool that declares the request's type, with its likes as fallbacks", async () => {
    const known = {
      mail: plain,
      billing: { ...plain, capabilities: ["Refund"] },
      refund_desk: plain,
      prerefund: plain,
    };
    const decision = await planner.plan({ type: "refund" }, known);
    expect(decision).toMatchObject({ selectedTool: "billing", fallbackTools: ["refund_desk"], confidence: 0.5 });
    expect(decision.reasoning).toContain('the type "refund"');
  });

  test("takes the first of tools that nothing tells apart, admits it, and lets no other stand in", async () => {
    const decision = await planner.plan({ type: "poem" }, tools("a", "b", "c", "d"));
    expect(decision).toMatchObject({ selectedTool: "a", fallbackTools: [], confidence: 0.25, toolOptions: {} });
    expect(decision.reasoning).toContain("Add a rule");
  });

  test("prefers a bundle tool where a least confidence is asked for", async () => {
    const known = { a: plain, b: bundle };
    const decision = await planner.plan({}, known, { qualityRequirements: { minConfidence: 0.8 } });
    expect(decision).toMatchObject({ selectedTool: "b", executionStrategy: "bundle", confidence: 1 });
    expect((await planner.plan({}, known, { qualityRequirements: {} })).selectedTool).toBe("a");
  });

  test("says what to do where there is no tool at all, and why where none can run", async () => {
    await expect(planner.plan({}, {})).rejects.toThrow("client.registerTool");
    await expect(planner.plan({}, tools("a"), open("tool:a"))).rejects.toMatchObject({
      code: "PLANNING",
      reasons: { a: 'the circuit of "tool:a" is open' },
    });
  });
});
