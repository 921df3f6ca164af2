import { PlanningError } from "../contract/errors.ts";
import type { AnyTool, ToolMetadata } from "../contract/tool.ts";
import { messageOf, showValue } from "../core/errors.ts";
import { type CheckedDecision, checkedDecision } from "../planning/checked-decision.ts";
import type { PlanContext, Planner } from "../planning/planner.ts";
import { assertTool, metadataOf } from "../tool/registry.ts";
import type { Run, ToolChoice, WorkSetting } from "./run-context.ts";

type BreakerStates = NonNullable<PlanContext["circuitBreakerStates"]>;

/** Author of a plan that was kept. */
const keptPlanner = "An earlier run of this key";

/**
 * Chooses the tool of a run that names none, by the planner or by the plan that an earlier run of the key has kept. The
 * caller's options and fallbacks win over those of the plan.
 *
 * @throws PlanningError if no tool can run
 */
export async function chooseTool(
  run: Run,
  { scope, keptPlan, keepPlan }: WorkSetting,
  planner: Planner,
  breakerStates: BreakerStates,
): Promise<ToolChoice> {
  const { input, settings, events } = run;
  const own = await asPlannersError(() => toolsOf(planner));
  const isKept = keptPlan !== undefined;
  const decision = isKept
    ? checkedDecision(keptPlan, keptPlanner)
    : await scope.race(plan(planner, own, run, breakerStates));
  const toolNamed = (name: string) => own.get(name) ?? settings.registry.get(name) ?? refuse(name, own, run, isKept);
  const tool = toolNamed(decision.selectedTool);
  const fallbackTools = input.fallbackTools.length > 0 ? input.fallbackTools : decision.fallbackTools.map(toolNamed);
  if (!isKept) await keepPlan?.(decision.told);
  events.source = tool.name;
  events.emit("plan_selected", { toolName: tool.name, reasoning: decision.told.reasoning });
  const toolOptions = { ...decision.toolOptions, ...input.toolOptions };
  return { tool, toolOptions, fallbackTools, isFallback: false, plan: decision.told };
}

function plan(
  planner: Planner,
  own: ReadonlyMap<string, AnyTool>,
  run: Run,
  circuitBreakerStates: BreakerStates,
): Promise<CheckedDecision> {
  const { budget, qualityRequirements } = run.input.options;
  const minConfidence = qualityRequirements?.minConfidence;
  return asPlannersError(async () => {
    const decision: unknown = await planner.plan(run.input.request, offered(own, run), {
      circuitBreakerStates,
      ...(budget && { budget: { ...budget } }),
      ...(minConfidence !== undefined && { qualityRequirements: { minConfidence } }),
    });
    return checkedDecision(decision, "The planner");
  });
}

/** Asks a planner of the user's own, whose errors become `PlanningError`s. */
async function asPlannersError<R>(ask: () => R | Promise<R>): Promise<R> {
  try {
    return await ask();
  } catch (error) {
    if (PlanningError.isInstance(error)) throw error;
    throw new PlanningError(`The planner failed: ${messageOf(error)}`, {}, { cause: error });
  }
}

/** Tools that a planner brings along, by their names. */
function toolsOf({ tools = [] }: Planner): ReadonlyMap<string, AnyTool> {
  if (!Array.isArray(tools)) {
    throw new PlanningError(`planner.tools is ${showValue(tools)}. It must be a list of tools.`, {});
  }
  for (const [index, tool] of tools.entries()) assertTool(tool, `planner.tools[${index}]`);
  return new Map(tools.map((tool: AnyTool) => [tool.name, tool]));
}

function offered(own: ReadonlyMap<string, AnyTool>, { settings }: Run): Record<string, ToolMetadata> {
  const brought = [...own].map(([name, tool]) => [name, metadataOf(tool)] as const);
  return { ...settings.registry.list(), ...Object.fromEntries(brought) };
}

/** A kept plan may come from a process that had other tools. */
function refuse(name: string, own: ReadonlyMap<string, AnyTool>, run: Run, isKept: boolean): never {
  const names = Object.keys(offered(own, run));
  const known = names.length === 0 ? "No tool is registered" : `There are: ${names.join(", ")}`;
  const key = JSON.stringify(run.input.options.idempotencyKey);
  const [who, advice] = isKept
    ? [keptPlanner, ` Register it, or purge the key, so that it is planned anew: steer store purge ${key}.`]
    : ["The planner", ""];
  throw new PlanningError(`${who} chose "${name}", which is not registered. ${known}.${advice}`, {
    [name]: "not registered",
  });
}
