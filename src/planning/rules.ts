import { PlanningError } from "../contract/errors.ts";
import type { AnyTool, ToolMetadata } from "../contract/tool.ts";
import { InvalidOptionsError, messageOf } from "../core/errors.ts";
import { ignorePromise } from "../core/thenable.ts";
import { readAttribute } from "./conditions.ts";
import type { PlanContext, PlanDecision, Planner } from "./planner.ts";
import { type CompiledRule, compileRule, type PlanningRule } from "./rule.ts";

/**
 * Job: choose the tool of a run by rules.
 * Boundary: pure; knows tools by what they declare, and breakers by their states.
 * Invariants:
 * 1. Rules are asked by falling priority, those of one priority in the order in which they were added.
 * 2. A chosen tool can run: it is known, its circuit is not open, it did not fail before. So can each of its fallbacks.
 * 3. A rule that holds is left for the next only when none of its tools can run.
 */

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
  readonly #rules: CompiledRule[] = [];
  #isSorted = true;
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
    if (!this.#isSorted) this.#rules.sort((a, b) => b.priority - a.priority);
    this.#isSorted = true;
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
    this.#rules.push(rule);
    this.#isSorted = false;
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

/** Calls a function of the rule's author; what it throws is named as its own. */
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
  const message = `${path}.action is ${given}. Use one tool of a name in all rules, or rename one.`;
  return new InvalidOptionsError([
    { path: `${path}.action`, given, allowed: "one tool of a name in all rules", message },
  ]);
}

type Candidate = readonly [name: string, tool: ToolMetadata];

/**
 * The plan where no rule holds: a tool that declares the request's `type` as a capability, or bears it in its name; else
 * the tool that was registered first. Where a least confidence is asked for, bundle tools come first, as only they tell
 * one. Only tools that declare the same type stand in for each other: another tool may do anything.
 */
function defaultPlan(request: unknown, candidates: readonly Candidate[], context: PlanContext): PlanDecision {
  const type = readAttribute(request, "type");
  const ofType = typeof type === "string" ? candidates.filter((candidate) => declares(candidate, type)) : [];
  const eligible = ofType.length > 0 ? ofType : candidates;
  const bundles =
    context.qualityRequirements?.minConfidence === undefined ? [] : eligible.filter(([, tool]) => tool.supportsBundle);
  const equals = bundles.length > 0 ? bundles : eligible;
  const [name, tool] = equals[0] as Candidate;
  return createDecision(
    {
      name,
      tool,
      toolOptions: {},
      fallbackTools: ofType.map(([other]) => other).filter((other) => other !== name),
      confidence: 1 / equals.length,
      reasoning: `No rule holds. ${whyFirst(name, equals.length, ofType.length > 0 ? String(type) : undefined)}`,
      metadata: {},
    },
    request,
  );
}

function declares([name, tool]: Candidate, type: string): boolean {
  const wanted = type.toLowerCase();
  const words = [...tool.capabilities, name, ...name.split(/[^\p{L}\p{N}]+/u)];
  return words.some((word) => word.toLowerCase() === wanted);
}

function whyFirst(name: string, count: number, type: string | undefined): string {
  const fits = type === undefined ? "can run" : `can run and declares the type "${type}" of the request`;
  if (count === 1) return `"${name}" is the only tool that ${fits}.`;
  return `"${name}" was registered first of the ${count} tools that ${fits.replace("declares", "declare")}. Add a rule, or name the tool.`;
}

/** Facts of a tool that a plan reads. */
export type ToolFacts = Pick<ToolMetadata, "supportsBundle" | "provider" | "estimate">;

/** Every tool that a plan may name: those offered to it, and those that its rules brought along, which win. */
function knownTools(
  offered: Record<string, ToolMetadata>,
  brought: readonly AnyTool[],
): ReadonlyMap<string, ToolFacts> {
  return new Map<string, ToolFacts>([
    ...Object.entries(offered),
    ...brought.map((tool): [string, ToolFacts] => [tool.name, factsOf(tool)]),
  ]);
}

function factsOf(tool: AnyTool): ToolFacts {
  return {
    supportsBundle: "supportsBundle" in tool && tool.supportsBundle === true,
    estimate: (request, options) => tool.estimate?.(request, options),
    ...(tool.provider !== undefined && { provider: tool.provider }),
  };
}

/** Returns why a tool cannot run now; `undefined` if it can. */
function whyNot(name: string, tool: ToolFacts | undefined, context: PlanContext): string | undefined {
  if (!tool) return "no tool of this name is registered";
  const provider = tool.provider ?? `tool:${name}`;
  if (context.circuitBreakerStates?.[provider] === "open") return `the circuit of "${provider}" is open`;
  if (context.previousFailures?.includes(name)) return "it failed earlier in this run";
  return undefined;
}

/** A choice before it is told with its estimates. */
export interface Choice extends Pick<PlanDecision, "fallbackTools" | "confidence" | "reasoning" | "metadata"> {
  readonly name: string;
  readonly tool: ToolFacts;
  readonly toolOptions: Record<string, unknown>;
}

function createDecision({ name, tool, ...choice }: Choice, request: unknown): PlanDecision {
  const { costUsd, timeMs } = estimateOf(tool, request, choice.toolOptions);
  return {
    selectedTool: name,
    ...choice,
    executionStrategy: tool.supportsBundle ? "bundle" : "single",
    ...(costUsd !== undefined && { estimatedCostUsd: costUsd }),
    ...(timeMs !== undefined && { estimatedDurationMs: timeMs }),
  };
}

/** A tool may fail to estimate a request that its input schema has not seen yet: planning goes on without the estimate. */
function estimateOf(tool: ToolFacts, request: unknown, toolOptions: object) {
  try {
    const estimate = tool.estimate?.(request, toolOptions) ?? {};
    return ignorePromise(estimate) ? {} : estimate;
  } catch {
    return {};
  }
}
