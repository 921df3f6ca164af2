import type { ToolMetadata } from "../../src/index.ts";
import type { PlanDecision, Planner } from "../../src/planning.ts";
import type { Job } from "./scenario.ts";

/** Who chooses the tools of a job; `undefined` for the orchestrator's own planner. */
export function plannerOf({ planner }: Job): Planner | undefined {
  return planners[planner];
}

const planners: Readonly<Record<Job["planner"], Planner | undefined>> = {
  rules: undefined,
  repetitive: { plan: async (_request, tools) => everyToolTwice(tools) },
  garbage: { plan: async () => ({ selectedTool: ["none"] }) as unknown as PlanDecision },
  broken: { plan: () => Promise.reject(new Error("the planner is broken")) },
  silent: { plan: () => new Promise(() => {}) },
};

function everyToolTwice(tools: Record<string, ToolMetadata>): PlanDecision {
  const [selectedTool = "", ...others] = Object.keys(tools);
  return {
    selectedTool,
    toolOptions: {},
    fallbackTools: [selectedTool, ...others, ...others],
    executionStrategy: "single",
    confidence: 1,
    reasoning: "the first one",
    metadata: {},
  };
}
