import { ignorePromise } from "../core/thenable.ts";
import type { ToolFacts } from "./known-tools.ts";
import type { PlanDecision } from "./planner.ts";

/** A choice before it is told with its estimates. */
export interface Choice extends Pick<PlanDecision, "fallbackTools" | "confidence" | "reasoning" | "metadata"> {
  readonly name: string;
  readonly tool: ToolFacts;
  readonly toolOptions: Record<string, unknown>;
}

export function createDecision({ name, tool, ...choice }: Choice, request: unknown): PlanDecision {
  const { costUsd, timeMs } = estimateOf(tool, request, choice.toolOptions);
  return {
    selectedTool: name,
    ...choice,
    executionStrategy: tool.supportsBundle ? "bundle" : "single",
    ...(costUsd !== undefined && { estimatedCostUsd: costUsd }),
    ...(timeMs !== undefined && { estimatedDurationMs: timeMs }),
  };
}

/** A tool may fail to estimate a request that its input schema has not seen yet: that is no reason not to plan. */
function estimateOf(tool: ToolFacts, request: unknown, toolOptions: object) {
  try {
    const estimate = tool.estimate?.(request, toolOptions) ?? {};
    return ignorePromise(estimate) ? {} : estimate;
  } catch {
    return {};
  }
}
