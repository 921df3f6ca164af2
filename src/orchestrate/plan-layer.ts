import { PlanningError } from "../contract/errors.ts";
import type { AnyTool, ToolMetadata } from "../contract/tool.ts";
import { messageOf, showValue } from "../core/errors.ts";
import type { PlanContext, PlanDecision, Planner } from "../planning/planner.ts";
import { metadataOf } from "../tool/registry.ts";
import type { RunContext, RunLayer } from "./run-context.ts";

type BreakerStates = NonNullable<PlanContext["circuitBreakerStates"]>;

/** Chooses the tool of a run that names none. The caller's choice, options and fallbacks always win. */
export function createPlanLayer(planner: Planner, breakerStates: () => BreakerStates): RunLayer {
  return (context, next) => (context.tool ? next() : choose(planner, context, breakerStates()).then(next));
}

async function choose(planner: Planner, context: RunContext, breakerStates: BreakerStates): Promise<void> {
  const decision = (context.keptPlan as PlanDecision | undefined) ?? (await plan(planner, context, breakerStates));
  if (!context.keptPlan) await context.keepPlan?.(decision);
  context.tool = toolNamed(decision.selectedTool, planner, context);
  context.toolOptions = { ...decision.toolOptions, ...context.input.toolOptions };
  if (context.fallbackTools.length === 0) {
    context.fallbackTools = (decision.fallbackTools ?? []).map((name) => toolNamed(name, planner, context));
  }
  context.metadata["plan"] = decision;
  context.events.source = context.tool.name;
  context.events.emit("plan_selected", { toolName: context.tool.name, reasoning: decision.reasoning });
}

async function plan(planner: Planner, context: RunContext, breakerStates: BreakerStates): Promise<PlanDecision> {
  const decision = await context.scope.race(ask(planner, context, breakerStates));
  if (typeof (decision as PlanDecision | null | undefined)?.selectedTool !== "string") {
    throw new PlanningError(`The planner gave ${showValue(decision)} in place of a decision with a selectedTool`, {});
  }
  return decision as PlanDecision;
}

async function ask(planner: Planner, context: RunContext, circuitBreakerStates: BreakerStates): Promise<unknown> {
  const { budget, qualityRequirements } = context.input.options;
  try {
    return await planner.plan(context.input.request, toolsOf(planner, context), {
      circuitBreakerStates,
      previousFailures: [],
      ...(budget && { budget: { ...budget } }),
      ...(qualityRequirements?.minConfidence !== undefined && {
        qualityRequirements: { minConfidence: qualityRequirements.minConfidence },
      }),
    });
  } catch (error) {
    if (PlanningError.isInstance(error)) throw error;
    throw new PlanningError(`The planner failed: ${messageOf(error)}`, {}, { cause: error });
  }
}

function toolsOf(planner: Planner, { settings }: RunContext): Record<string, ToolMetadata> {
  const own = (planner.tools ?? []).map((tool) => [tool.name, metadataOf(tool)] as const);
  return { ...settings.registry.list(), ...Object.fromEntries(own) };
}

function toolNamed(name: string, planner: Planner, { settings }: RunContext): AnyTool {
  const tool = planner.tools?.find((own) => own.name === name) ?? settings.registry.get(name);
  if (tool) return tool;
  throw new PlanningError(`The planner chose "${name}", which nobody registered`, { [name]: "not registered" });
}
