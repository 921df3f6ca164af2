import type { AnyTool, ToolMetadata } from "../contract/tool.ts";
import type { Budget } from "../contract/usage.ts";

/** Facts for a planner beside the request and the tools. */
export interface PlanContext {
  /** The ceilings of the run. */
  budget?: Budget;
  qualityRequirements?: { minConfidence?: number };
  /** Breakers by provider; a tool that declares none has its own, named `tool:<name>`. */
  circuitBreakerStates?: Record<string, "closed" | "open" | "half_open">;
  /** Names of tools that have failed before, and are not to be chosen again. A run plans once, and leaves it out. */
  previousFailures?: string[];
}

/** Chosen tool, its options and the reason. */
export interface PlanDecision {
  selectedTool: string;
  /** Options for the selected tool. What the caller gave explicitly wins over them. */
  toolOptions: Record<string, unknown>;
  /** Tried in this order where the selected tool fails. Never names the selected tool. */
  fallbackTools: string[];
  /** Mode of the selected tool: `"bundle"` for several answers and their consensus, `"single"` for one. */
  executionStrategy: string;
  /** Confidence of the planner in its choice, from 0 to 1. */
  confidence: number;
  /** Reason for this tool, in words for a log. */
  reasoning: string;
  metadata: { matchedRule?: string };
  /** The most that the selected tool says it may cost. */
  estimatedCostUsd?: number;
  /** The longest that the selected tool says it may take. */
  estimatedDurationMs?: number;
}

/**
 * Chooses the tool of a run that names none. Implement it to choose your own way.
 *
 * @example
 * ```ts
 * const cheapestFirst: Planner = {
 *   async plan(request, tools, context) {
 *     const [selectedTool = "none"] = Object.keys(tools).toSorted();
 *     return { selectedTool, toolOptions: {}, fallbackTools: [], executionStrategy: "single",
 *              confidence: 1, reasoning: "first by name", metadata: {} };
 *   },
 * };
 * ```
 */
export interface Planner {
  /** Tools that decisions may name without registration. They win over registered tools of their names. */
  readonly tools?: readonly AnyTool[];
  /**
   * Decides without side effects: the decision is kept with an idempotency key, so that a resumed run does not plan anew.
   *
   * @param request as the caller gave it, not yet checked by the tool's input schema
   * @param tools what may be chosen, by name
   * @throws PlanningError where no tool can run
   */
  plan(request: unknown, tools: Record<string, ToolMetadata>, context?: PlanContext): Promise<PlanDecision>;
}
