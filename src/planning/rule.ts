import * as v from "valibot";
import type { AnyTool } from "../contract/tool.ts";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import {
  checkedBy,
  collectOptions,
  declareOptions,
  listOf,
  nested,
  type OptionsDeclaration,
  text,
} from "../core/options.ts";
import { type CompiledCondition, compileCondition, type RuleCondition } from "./conditions.ts";
import type { PlanContext } from "./planner.ts";

/** A tool, registered or not, or the name of a registered one. */
export type ToolRef = string | AnyTool;

/** A condition, and the tool and options to run when it holds. */
export interface PlanningRule {
  /** Shown as `metadata.matchedRule` of a decision. */
  name: string;
  /** The rule of the highest priority whose conditions hold decides; of equal ones, the one added first. Default: 0. */
  priority?: number | undefined;
  /** Told with the reasoning of a decision. */
  description?: string | undefined;
  /** All of them must hold. Without any, the rule holds for every request. */
  conditions: readonly RuleCondition[];
  action: {
    toolName: ToolRef;
    /** Options for whichever tool of the rule is chosen. */
    toolOptions?: Record<string, unknown> | undefined;
    /** Tried in this order where the tool is missing, its circuit is open, or it fails. */
    fallbackTools?: readonly ToolRef[] | undefined;
    /** Options that depend on the request or the run; they win over `toolOptions`. */
    transformOptions?(request: unknown, context: PlanContext): object;
  };
}

/** A rule that was checked and is ready to be asked. */
export interface CompiledRule {
  readonly name: string;
  readonly description: string | undefined;
  readonly priority: number;
  readonly conditions: readonly CompiledCondition[];
  /** Names of the tool and its fallbacks, each once. */
  readonly candidates: readonly string[];
  /** Those of them that were given as tools. */
  readonly tools: readonly AnyTool[];
  optionsFor(request: unknown, context: PlanContext): Record<string, unknown>;
}

/**
 * Declares options that go into a rule as they are: the plan reads them there, and not by their declaration, which only
 * checks them.
 */
export function ruleOptions<const Entries extends v.ObjectEntries>(
  name: string,
  entries: Entries,
): OptionsDeclaration<Entries> {
  return declareOptions(name, name, entries);
}

const toolRef = checkedBy<ToolRef>(
  (value) => (typeof value === "string" ? value !== "" : typeof (value as AnyTool | null)?.name === "string"),
  "a tool, or the name of one",
);

const planningRule = ruleOptions("PlanningRule", {
  name: text(),
  priority: v.optional(checkedBy<number>(Number.isFinite, "a number"), 0),
  description: v.optional(v.string("a text")),
  conditions: listOf(v.unknown(), "a list of conditions; an empty one holds for every request"),
  action: nested({
    toolName: toolRef,
    toolOptions: v.optional(v.record(v.string(), v.unknown(), "an object of options"), {}),
    fallbackTools: v.optional(listOf(toolRef, "a list of tools or their names"), []),
    transformOptions: v.optional(
      checkedBy<NonNullable<PlanningRule["action"]["transformOptions"]>>(
        (value) => typeof value === "function",
        "a function of the request and the plan's context that gives options",
      ),
    ),
  }),
});

/**
 * @param path where the rule stands in the caller's code, for the error
 * @throws InvalidOptionsError naming every fault of the rule, bad patterns included
 */
export function compileRule(rule: PlanningRule, path: string): CompiledRule {
  const issues: OptionIssue[] = [];
  const checked = collectOptions(planningRule, rule, path, issues);
  const conditions = Array.isArray(rule?.conditions)
    ? rule.conditions.map((condition, index) => compileCondition(condition, `${path}.conditions.${index}`, issues))
    : [];
  if (!checked || issues.length > 0) throw new InvalidOptionsError(issues);
  const { name, description, priority, action } = checked;
  const refs = [action.toolName, ...action.fallbackTools];
  return {
    name,
    description,
    priority,
    conditions,
    candidates: [...new Set(refs.map((tool) => (typeof tool === "string" ? tool : tool.name)))],
    tools: refs.filter((tool) => typeof tool !== "string"),
    optionsFor: (request, context) => ({ ...action.toolOptions, ...action.transformOptions?.(request, context) }),
  };
}
