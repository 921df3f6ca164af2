/**
 * Job: choose the tool of a run by rules.
 * Boundary: pure; knows tools by what they declare, and breakers by their states.
 * Invariants:
 * 1. Rules are asked by falling priority, those of one priority in the order in which they were added.
 * 2. A chosen tool can run: it is known, its circuit is not open, it did not fail before. So can each of its fallbacks.
 * 3. A rule that holds is left for the next only when none of its tools can run.
 */
import { PlanningError } from "../contract/errors.ts";
import type { AnyTool, ToolMetadata } from "../contract/tool.ts";
import { InvalidOptionsError, messageOf } from "../core/errors.ts";
import { createDecision } from "./decision.ts";
import { defaultPlan } from "./default-plan.ts";
import { knownTools, type ToolFacts, whyNot } from "./known-tools.ts";
import type { PlanContext, PlanDecision, Planner } from "./planner.ts";
import { type CompiledRule, compileRule, type PlanningRule } from "./rule.ts";

/**
 * Chooses a tool by the first rule that holds. Where none does, it takes the tool that declares the request's `type` as a
 * capability, else the one registered first; `reasoning` says which.
 *
 * @throws InvalidOptionsError from the constructor and `addRule`, naming every fault of a rule
 *
 * @example
 * ```ts
 * const planner = new RuleBasedPlanner([createTypeBasedRule({ requestType: "bug", toolName: triage })]).addRule({
 *   name: "large reports",
 *   priority: 10,
 *   conditions: [{ attributePath: "pages", operator: "gt", value: 50 }],
 *   action: { toolName: "summarize", fallbackTools: ["summarize_cheaply"] },
 * });
 * ```
 */
export class RuleBasedPlanner implements Planner {
  #rules: readonly CompiledRule[] = [];
  readonly #tools = new Map<string, AnyTool>();

  constructor(rules: readonly PlanningRule[] = []) {
    for (const [index, rule] of rules.entries()) this.#add(compileRule(rule, `rules.${index}`), `rules.${index}`);
  }

  /** Adds a rule, and gives the planner back. */
  addRule(rule: PlanningRule): this {
    this.#add(compileRule(rule, "rule"), "rule");
    return this;
  }

  /** The tools that rules were given themselves, not by name. */
  get tools(): readonly AnyTool[] {
    return [...this.#tools.values()];
  }

  /**
   * @throws PlanningError where no tool can run, saying for each why not, and where a function of a rule throws
   */
  async plan(request: unknown, tools: Record<string, ToolMetadata>, context: PlanContext = {}): Promise<PlanDecision> {
    const known = knownTools(tools, this.tools);
    const held = this.#rules.filter((rule) => holds(rule, request));
    for (const rule of held) {
      const decision = decideBy(rule, known, request, context);
      if (decision) return decision;
    }
    const names = held.length > 0 ? held.flatMap((rule) => rule.candidates) : Object.keys(tools);
    const reasons = reasonsAgainst(names, known, context);
    const candidates = Object.entries(tools).filter(([name]) => !(name in reasons));
    if (held.length === 0 && candidates.length > 0) return defaultPlan(request, candidates, context);
    throw new PlanningError(noToolMessage(held, names), reasons);
  }

  #add(rule: CompiledRule, path: string): void {
    for (const tool of rule.tools) {
      const present = this.#tools.get(tool.name) ?? tool;
      if (present !== tool) throw twoToolsOfOneName(tool, path);
      this.#tools.set(tool.name, tool);
    }
    this.#rules = [...this.#rules, rule].sort((a, b) => b.priority - a.priority);
  }
}

function holds(rule: CompiledRule, request: unknown): boolean {
  return asked(rule, "A condition", () => rule.conditions.every((condition) => condition(request)));
}

function decideBy(
  rule: CompiledRule,
  known: ReadonlyMap<string, ToolFacts>,
  request: unknown,
  context: PlanContext,
): PlanDecision | undefined {
  const reasons = reasonsAgainst(rule.candidates, known, context);
  const [name, ...fallbackTools] = rule.candidates.filter((candidate) => !(candidate in reasons));
  const tool = name === undefined ? undefined : known.get(name);
  if (name === undefined || !tool) return undefined;
  const passedOver = rule.candidates.slice(0, rule.candidates.indexOf(name));
  return createDecision(
    {
      name,
      tool,
      toolOptions: asked(rule, "transformOptions", () => rule.optionsFor(request, context)),
      fallbackTools,
      confidence: 1,
      reasoning: [whyRule(rule), ...passedOver.map((other) => `Not "${other}": ${reasons[other]}.`)].join(" "),
      metadata: { matchedRule: rule.name },
    },
    request,
  );
}

function whyRule({ name, description }: CompiledRule): string {
  return `Rule "${name}" holds${description === undefined ? "" : ` (${description})`}.`;
}

function reasonsAgainst(
  names: readonly string[],
  known: ReadonlyMap<string, ToolFacts>,
  context: PlanContext,
): Record<string, string> {
  const reasons: Record<string, string> = Object.create(null);
  for (const name of names) {
    const reason = whyNot(name, known.get(name), context);
    if (reason !== undefined) reasons[name] = reason;
  }
  return reasons;
}

/** What a function of the rule's author answers, or an error that says whose it is. */
function asked<T>(rule: CompiledRule, what: string, ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    throw new PlanningError(`${what} of rule "${rule.name}" threw: ${messageOf(error)}`, {}, { cause: error });
  }
}

function noToolMessage(held: readonly CompiledRule[], names: readonly string[]): string {
  if (names.length === 0) return "There is no tool to choose from. Register one with client.registerTool(tool).";
  const rules = held.map((rule) => `"${rule.name}"`).join(", ");
  return held.length === 0 ? "No tool can run now:" : `Of the tools that rule ${rules} names, none can run now:`;
}

function twoToolsOfOneName(tool: AnyTool, path: string): InvalidOptionsError {
  const given = `another tool named "${tool.name}"`;
  return new InvalidOptionsError([{ path: `${path}.action`, given, allowed: "one tool of a name in all rules" }]);
}
