import * as v from "valibot";
import { budgetEntries } from "../contract/bundle-options.ts";
import type { Budget } from "../contract/usage.ts";
import { listOf, nested, resolveOptions, text, wholeNumber } from "../core/options.ts";
import { type PlanningRule, ruleOptions, type ToolRef } from "./rule.ts";

/** Settings of each helper below. */
export interface RuleHelper {
  toolName: ToolRef;
  /** Default: 0; -100 for a budget-aware rule, which holds for every request. */
  priority?: number | undefined;
  /** Options for whichever tool of the rule is chosen. */
  toolOptions?: Record<string, unknown> | undefined;
  /** Tried in this order where the tool is missing, its circuit is open, or it fails. */
  fallbackTools?: readonly ToolRef[] | undefined;
}

/** Settings that go into the rule unchanged; they are checked with the rule. */
const helperEntries = {
  toolName: v.optional(v.unknown()),
  priority: v.optional(v.unknown()),
  toolOptions: v.optional(v.unknown()),
  fallbackTools: v.optional(v.unknown()),
};

const typeBased = ruleOptions("createTypeBasedRule", {
  ...helperEntries,
  requestType: text(),
});

/**
 * A rule for requests whose attribute `type` is `requestType`.
 *
 * @throws InvalidOptionsError
 *
 * @example
 * ```ts
 * const rule = createTypeBasedRule({ requestType: "bug", toolName: triage, fallbackTools: ["triage_cheaply"] });
 * const planner = new RuleBasedPlanner([rule]);
 * ```
 */
export function createTypeBasedRule(options: RuleHelper & { requestType: string }): PlanningRule {
  const { requestType } = resolveOptions(typeBased, options);
  return {
    ...ruleOf(`type:${requestType}`, options),
    conditions: [{ attributePath: "type", operator: "equals", value: requestType }],
  };
}

const keywordBased = ruleOptions("createKeywordBasedRule", {
  ...helperEntries,
  keywords: v.pipe(listOf(text(), "a list of texts"), v.nonEmpty("at least one keyword")),
  attribute: v.string("the path of an attribute"),
});

/**
 * A rule for requests with a keyword anywhere in one attribute, a text or a list of texts. Letter case does not matter.
 * For whole words, write a rule with a `regex` condition: `(?i)\bvote\b`.
 *
 * @param options `attribute` is a path as in `RuleCondition`
 * @throws InvalidOptionsError
 *
 * @example
 * ```ts
 * const keywords = ["refund", "chargeback"];
 * const planner = new RuleBasedPlanner([createKeywordBasedRule({ keywords, attribute: "query", toolName: "billing" })]);
 * ```
 */
export function createKeywordBasedRule(
  options: RuleHelper & { keywords: readonly string[]; attribute: string },
): PlanningRule {
  const { keywords, attribute } = resolveOptions(keywordBased, options);
  const wanted = keywords.map((keyword) => keyword.toLowerCase());
  const mentions = (value: unknown): boolean =>
    Array.isArray(value)
      ? value.some(mentions)
      : typeof value === "string" && wanted.some((keyword) => value.toLowerCase().includes(keyword));
  return {
    ...ruleOf(`keywords:${keywords.join(",")}`, options),
    conditions: [{ attributePath: attribute, matches: mentions }],
  };
}

const defaultLowBudget: Budget = { tokens: 4_000, costUsd: 0.05, timeMs: 10_000 };

const budgetAware = ruleOptions("createBudgetAwareRule", {
  ...helperEntries,
  lowBudgetK: v.optional(wholeNumber({ minimum: 1, unit: "answers" }), 3),
  highBudgetK: v.optional(wholeNumber({ minimum: 1, unit: "answers" }), 5),
  lowBudget: v.optional(nested(budgetEntries), defaultLowBudget),
});

/** Settings of `createBudgetAwareRule`. */
export interface BudgetAwareRule extends Omit<RuleHelper, "toolOptions"> {
  /** Answers to ask for where the run's budget is low. Default: 3. */
  lowBudgetK?: number | undefined;
  /** Answers to ask for where it is not. Default: 5. */
  highBudgetK?: number | undefined;
  /** A budget below this in any of its parts is low. Default: 4,000 tokens, 0.05 US dollars, 10,000 milliseconds. */
  lowBudget?: Budget | undefined;
}

/**
 * A rule for every request that asks for as many answers as the run's budget suggests. A run without a budget keeps the
 * tool's own `k`. The budget stays the ceiling whatever `k` is: this rule spares it, and does not guard it.
 *
 * @throws InvalidOptionsError
 *
 * @example
 * ```ts
 * const rule = createBudgetAwareRule({ toolName: triage, lowBudgetK: 1, lowBudget: { costUsd: 0.01 } });
 * const planner = new RuleBasedPlanner([rule]);
 * ```
 */
export function createBudgetAwareRule(options: BudgetAwareRule): PlanningRule {
  const { lowBudgetK, highBudgetK, lowBudget } = resolveOptions(budgetAware, options);
  const rule = ruleOf("budget", { ...options, priority: options.priority ?? -100 });
  return {
    ...rule,
    conditions: [],
    action: {
      ...rule.action,
      transformOptions: (_request, { budget }) =>
        budget === undefined ? {} : { k: isBelow(budget, lowBudget) ? lowBudgetK : highBudgetK },
    },
  };
}

function ruleOf(name: string, options: RuleHelper): Omit<PlanningRule, "conditions"> {
  const { toolName, priority, toolOptions, fallbackTools } = options;
  return { name, priority, action: { toolName, toolOptions, fallbackTools } };
}

/** Parts that one of the two budgets leaves open are not compared. */
function isBelow(budget: Budget, limit: Budget): boolean {
  return (["tokens", "costUsd", "timeMs"] as const).some((part) => (budget[part] ?? Infinity) < (limit[part] ?? 0));
}
