export type { RuleCondition } from "./planning/conditions.ts";
export {
  type BudgetAwareRule,
  createBudgetAwareRule,
  createKeywordBasedRule,
  createTypeBasedRule,
  type RuleHelper,
} from "./planning/create-rules.ts";
export type { PlanContext, PlanDecision, Planner } from "./planning/planner.ts";
export type { PlanningRule, ToolRef } from "./planning/rule.ts";
export { RuleBasedPlanner } from "./planning/rules.ts";
