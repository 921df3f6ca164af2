import type { AnyTool, ToolMetadata } from "../contract/tool.ts";
import type { PlanContext } from "./planner.ts";

/** What a plan needs to know of a tool. */
export type ToolFacts = Pick<ToolMetadata, "supportsBundle" | "provider" | "estimate">;

/** Every tool that a plan may name: those offered to it, and those that its rules brought along, which win. */
export function knownTools(
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

/** Why a tool cannot run now; `undefined` where it can. */
export function whyNot(name: string, tool: ToolFacts | undefined, context: PlanContext): string | undefined {
  if (!tool) return "no tool of this name is registered";
  const provider = tool.provider ?? `tool:${name}`;
  if (context.circuitBreakerStates?.[provider] === "open") return `the circuit of "${provider}" is open`;
  if (context.previousFailures?.includes(name)) return "it failed earlier in this run";
  return undefined;
}
