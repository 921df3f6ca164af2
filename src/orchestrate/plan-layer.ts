import { PlanningError } from "../contract/errors.ts";
import type { AnyTool, ToolMetadata } from "../contract/tool.ts";
import { messageOf, showValue } from "../core/errors.ts";
import { type CheckedDecision, checkedDecision } from "../planning/checked-decision.ts";
import type { PlanContext, Planner } from "../planning/planner.ts";
import { assertTool, metadataOf } from "../tool/registry.ts";
import type { RunContext, RunLayer } from "./run-context.ts";

type BreakerStates = NonNullable<PlanContext["circuitBreakerStates"]>;

/** Whose a plan is that was kept. */
const keptPlanner = "An earlier run of this key";

/** Chooses the tool of a run that names none. The caller's choice, options and fallbacks always win. */
export function createPlanLayer(planner: Planner, breakerStates: () => BreakerStates): RunLayer {
  return (context, next) => (context.tool ? next() : choose(planner, context, breakerStates()).then(next));
}

async function choose(planner: Planner, context: RunContext, breakerStates: BreakerStates): Promise<void> {
  const { keptPlan, input, settings } = context;
  const own = await ofPlanner(() => toolsOf(planner));
  const decision =
    keptPlan === undefined ? await plan(planner, own, context, breakerStates) : checkedDecision(keptPlan, keptPlanner);
  const toolNamed = (name: string) => own.get(name) ?? settings.registry.get(name) ?? refuse(name, own, context);
  const tool = toolNamed(decision.selectedTool);
  const fallbackTools =
    context.fallbackTools.length > 0 ? context.fallbackTools : decision.fallbackTools.map(toolNamed);
  if (keptPlan === undefined) await context.keepPlan?.(decision.told);
  context.tool = tool;
  context.fallbackTools = fallbackTools;
  context.toolOptions = { ...decision.toolOptions, ...input.toolOptions };
  context.metadata["plan"] = decision.told;
  context.events.source = context.tool.name;
  context.events.emit("plan_selected", { toolName: context.tool.name, reasoning: decision.told.reasoning });
}

function plan(
  planner: Planner,
  own: ReadonlyMap<string, AnyTool>,
  context: RunContext,
  circuitBreakerStates: BreakerStates,
): Promise<CheckedDecision> {
  const { budget, qualityRequirements } = context.input.options;
  const minConfidence = qualityRequirements?.minConfidence;
  const decide = async () => {
    const decision: unknown = await planner.plan(context.input.request, offered(own, context), {
      circuitBreakerStates,
      previousFailures: [],
      ...(budget && { budget: { ...budget } }),
      ...(minConfidence !== undefined && { qualityRequirements: { minConfidence } }),
    });
    return checkedDecision(decision, "The planner");
  };
  return context.scope.race(ofPlanner(decide));
}

/** What somebody's planner gives, or an error that says whose it is. */
async function ofPlanner<R>(ask: () => R | Promise<R>): Promise<R> {
  try {
    return await ask();
  } catch (error) {
    if (PlanningError.isInstance(error)) throw error;
    throw new PlanningError(`The planner failed: ${messageOf(error)}`, {}, { cause: error });
  }
}

/** The tools that a planner brings along, by their names. */
function toolsOf({ tools = [] }: Planner): ReadonlyMap<string, AnyTool> {
  if (!Array.isArray(tools)) {
    throw new PlanningError(`The planner's tools: got ${showValue(tools)}; wanted: a list of tools`, {});
  }
  for (const [index, tool] of tools.entries()) assertTool(tool, `planner.tools[${index}]`);
  return new Map(tools.map((tool: AnyTool) => [tool.name, tool]));
}

function offered(own: ReadonlyMap<string, AnyTool>, { settings }: RunContext): Record<string, ToolMetadata> {
  const brought = [...own].map(([name, tool]) => [name, metadataOf(tool)] as const);
  return { ...settings.registry.list(), ...Object.fromEntries(brought) };
}

/** A plan that was kept may be of a process that had other tools. */
function refuse(name: string, own: ReadonlyMap<string, AnyTool>, context: RunContext): never {
  const names = Object.keys(offered(own, context));
  const known = names.length === 0 ? "There is no tool to choose from" : `There are: ${names.join(", ")}`;
  const key = JSON.stringify(context.input.options.idempotencyKey);
  const [who, advice] =
    context.keptPlan === undefined
      ? ["The planner", ""]
      : [keptPlanner, ` Register it, or purge the key, so that it is planned anew: steer store purge ${key}.`];
  const message = `${who} chose "${name}", which nobody registered. ${known}.${advice}`;
  throw new PlanningError(message, { [name]: "not registered" });
}
