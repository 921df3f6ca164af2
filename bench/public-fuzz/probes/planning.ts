import {
  createBudgetAwareRule,
  createKeywordBasedRule,
  createTypeBasedRule,
  RuleBasedPlanner,
} from "../../../src/planning.ts";
import { onCounts, onTexts, onValues, type Probe, range } from "../probe.ts";

const facts = { version: "1.0.0", description: "", supportsBundle: false, capabilities: ["bug"] };
const tools = (count: number) => Object.fromEntries(range(count).map((at) => [`tool${at}`, facts]));
const rule = (at: number) => ({
  name: `rule${at}`,
  priority: at % 7,
  conditions: [{ attributePath: "pages", operator: "gt" as const, value: at }],
  action: { toolName: `tool${at}` },
});

export const planningProbes: readonly Probe[] = [
  onTexts("createKeywordBasedRule, RuleBasedPlanner.plan", (text) =>
    new RuleBasedPlanner([
      createKeywordBasedRule({
        keywords: ["crash", "(a|b)*c", text.slice(0, 50)],
        attribute: "body",
        toolName: "tool0",
      }),
    ]).plan({ body: text }, tools(1)),
  ),
  onTexts(
    "createKeywordBasedRule",
    (text) => createKeywordBasedRule({ keywords: text.split(" "), attribute: text, toolName: "tool0" }),
    "createKeywordBasedRule, its options",
  ),
  onTexts("createTypeBasedRule, RuleBasedPlanner.plan", (text) =>
    new RuleBasedPlanner([createTypeBasedRule({ requestType: text, toolName: text })]).plan({ type: text }, tools(1)),
  ),
  onValues("createBudgetAwareRule", (value) =>
    createBudgetAwareRule({ toolName: "tool0", lowBudget: value, fallbackTools: value }),
  ),
  onTexts(
    "new RuleBasedPlanner, RuleBasedPlanner.plan",
    (text) =>
      new RuleBasedPlanner([
        { ...rule(0), conditions: [{ attributePath: "body", operator: "regex", value: "(a+|b|,\\s*)*$" }] },
      ]).plan({ body: text }, tools(1)),
    "RuleBasedPlanner.plan, a pattern",
  ),
  onTexts(
    "new RuleBasedPlanner",
    (text) =>
      new RuleBasedPlanner([
        { ...rule(0), conditions: [{ attributePath: text.replaceAll(" ", "."), operator: "exists" }] },
      ]).plan({ a: 1 }, tools(1)),
    "RuleBasedPlanner.plan, a path",
  ),
  onValues("RuleBasedPlanner.plan", (value) =>
    new RuleBasedPlanner([
      { ...rule(0), conditions: [{ attributePath: "", operator: "equals", value }] },
      { ...rule(1), conditions: [{ attributePath: "", operator: "in", value: [1, value] }] },
      { ...rule(2), conditions: [{ attributePath: "", operator: "contains", value }] },
    ]).plan(structuredClone(value), tools(3)),
  ),
  onCounts(
    "new RuleBasedPlanner",
    (count) => new RuleBasedPlanner(range(count).map(rule)).plan({ pages: 0 }, tools(1)),
    "new RuleBasedPlanner, many rules",
  ),
  onCounts(
    "RuleBasedPlanner.addRule",
    (count) => {
      const planner = new RuleBasedPlanner();
      for (const at of range(count)) planner.addRule(rule(at));
      return planner.plan({ pages: count + 1 }, tools(count));
    },
    "RuleBasedPlanner.addRule, many rules and tools",
  ),
];
