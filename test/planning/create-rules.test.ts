import { describe, expect, test } from "vitest";
import type { ToolMetadata } from "../../src/contract/tool.ts";
import type { Budget } from "../../src/contract/usage.ts";
import {
  createBudgetAwareRule,
  createKeywordBasedRule,
  createTypeBasedRule,
  type PlanningRule,
  RuleBasedPlanner,
} from "../../src/planning.ts";

const facts: ToolMetadata = { version: "1.0.0", description: "", supportsBundle: true, capabilities: [] };
const known = { wanted: facts, other: facts };
const otherwise: PlanningRule = { name: "otherwise", priority: -1, conditions: [], action: { toolName: "other" } };

async function matches(rule: PlanningRule, request: unknown): Promise<boolean> {
  return (await new RuleBasedPlanner([rule, otherwise]).plan(request, known)).selectedTool === "wanted";
}

describe("createTypeBasedRule", () => {
  test("holds for requests of the type", async () => {
    const rule = createTypeBasedRule({ requestType: "bug", toolName: "wanted", toolOptions: { k: 2 } });
    expect(await matches(rule, { type: "bug" })).toBe(true);
    expect(await matches(rule, { type: "bugs" })).toBe(false);
    expect(await matches(rule, "bug")).toBe(false);
    expect(rule).toMatchObject({ name: "type:bug", action: { toolOptions: { k: 2 } } });
  });

  test("refuses a missing type and unknown options", () => {
    expect(() => createTypeBasedRule({ toolName: "wanted" } as never)).toThrow("requestType: got undefined");
    const slip = { requestType: "bug", toolName: "wanted", fallbackTool: "other" };
    expect(() => createTypeBasedRule(slip)).toThrow('did you mean "fallbackTools"?');
  });
});

type RuleOfKeywords = Parameters<typeof createKeywordBasedRule>[0];

describe("createKeywordBasedRule", () => {
  const rule = createKeywordBasedRule({
    keywords: ["Refund", "charge back"],
    attribute: "mail.text",
    toolName: "wanted",
  });

  test.each([
    ["Where is my refund?", true],
    ["CHARGE BACK now", true],
    [["hello", "refunds"], true],
    ["charge", false],
    [undefined, false],
    [42, false],
  ])("of a text or list %j holds: %j", async (text, expected) => {
    expect(await matches(rule, { mail: { text } })).toBe(expected);
  });

  test("takes the whole request where that is a text", async () => {
    const whole = createKeywordBasedRule({ keywords: ["vote"], attribute: "", toolName: "wanted" });
    expect(await matches(whole, "Please vote")).toBe(true);
  });

  test("refuses an empty list of keywords", () => {
    expect(() => createKeywordBasedRule({ keywords: [], attribute: "q", toolName: "wanted" })).toThrow("at least one");
  });

  test("says of an option that is missing what it has to be", () => {
    const withoutAttribute = { keywords: ["vote"], toolName: "wanted" } as unknown as RuleOfKeywords;
    expect(() => createKeywordBasedRule(withoutAttribute)).toThrow("attribute: got undefined; allowed: the path");
  });
});

describe("createBudgetAwareRule", () => {
  async function optionsFor(rule: PlanningRule, budget?: Budget): Promise<Record<string, unknown>> {
    return (await new RuleBasedPlanner([rule]).plan({}, known, budget && { budget })).toolOptions;
  }

  test("asks for fewer answers where any part of the run's budget is low", async () => {
    const rule = createBudgetAwareRule({ toolName: "wanted", lowBudgetK: 1, highBudgetK: 9 });
    expect(await optionsFor(rule, { tokens: 3_999 })).toEqual({ k: 1 });
    expect(await optionsFor(rule, { tokens: 4_000, costUsd: 1, timeMs: 60_000 })).toEqual({ k: 9 });
    expect(await optionsFor(rule, { tokens: 100_000, costUsd: 0.04 })).toEqual({ k: 1 });
  });

  test("leaves a run without a budget to the tool's own number of answers", async () => {
    expect(await optionsFor(createBudgetAwareRule({ toolName: "wanted" }))).toEqual({});
  });

  test("draws the line where it is told to, in the parts that it is told of", async () => {
    const rule = createBudgetAwareRule({ toolName: "wanted", lowBudget: { costUsd: 0.5 } });
    expect(await optionsFor(rule, { costUsd: 0.49 })).toEqual({ k: 3 });
    expect(await optionsFor(rule, { costUsd: 0.5, tokens: 1 })).toEqual({ k: 5 });
  });

  test("comes after the rules that say when they hold, unless told otherwise", async () => {
    const rules = [
      createBudgetAwareRule({ toolName: "other" }),
      createTypeBasedRule({ requestType: "x", toolName: "wanted" }),
    ];
    expect((await new RuleBasedPlanner(rules).plan({ type: "x" }, known)).selectedTool).toBe("wanted");
    expect(createBudgetAwareRule({ toolName: "other", priority: undefined }).priority).toBe(-100);
    expect(createBudgetAwareRule({ toolName: "other", priority: 3 }).priority).toBe(3);
  });

  test("refuses a number of answers below one", () => {
    expect(() => createBudgetAwareRule({ toolName: "wanted", lowBudgetK: 0 })).toThrow("at least 1");
  });
});
