import type { OrchestrationConfig } from "../contract/config.ts";
import type { AskedRun } from "./live-runs.ts";

const ofTools = ["globalBudget", "perReplicateBudget"] as const;

/**
 * Returns a run under the ceilings of its tools and of the service: a client may lower them, and not raise them. In a program,
 * the options of a run take the place of the defaults; what comes over HTTP is not the program's own.
 */
export function underCeilings<Asked extends AskedRun>(asked: Asked, defaults: OrchestrationConfig | undefined): Asked {
  const toolOptions: Record<string, unknown> = { ...asked.toolOptions };
  for (const tool of [asked.tool, ...(asked.fallbackTools ?? [])]) {
    const own = (tool.resolveOptions?.({}) ?? {}) as Readonly<Record<string, unknown>>;
    for (const name of ofTools)
      if (toolOptions[name] !== undefined) toolOptions[name] = lowest(own[name], toolOptions[name]);
  }
  const options: Record<string, unknown> = { ...asked.options };
  for (const name of ["budget", "timeoutMs", "maxParallel"] as const)
    if (options[name] !== undefined) options[name] = lowest(defaults?.[name], options[name]);
  return { ...asked, ...(asked.toolOptions && { toolOptions }), ...(asked.options && { options }) };
}

/** A value that is no number or object is left as it is, for the run to refuse. */
function lowest(ceiling: unknown, given: unknown): unknown {
  if (typeof ceiling === "number") return typeof given === "number" ? Math.min(ceiling, given) : given;
  if (!isObject(ceiling)) return given;
  if (!isObject(given)) return given;
  const parts = Object.entries(ceiling).filter(([, value]) => value !== undefined);
  return { ...given, ...Object.fromEntries(parts.map(([name, value]) => [name, lowest(value, given[name] ?? value)])) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
