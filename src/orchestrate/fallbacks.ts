import type { OrchestrationOutput, OutputError } from "../contract/output.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import type { CallPolicies } from "../guard/budgeted-call.ts";
import { canFallBack } from "../guard/fallback.ts";
import type { Run, ToolChoice } from "./run-context.ts";

/** Runs a chosen tool under policies. */
export type Execute = (choice: ToolChoice, policies: CallPolicies) => Promise<OrchestrationOutput>;

/**
 * Executes the chosen tool, and in place of one that failed its next fallback.
 *
 * @returns the output of the last tool, with the errors of those before it
 */
export async function executeWithFallbacks(
  run: Run,
  chosen: ToolChoice,
  policies: Omit<CallPolicies, "hasFallback">,
  execute: Execute,
): Promise<OrchestrationOutput> {
  const left = fallbacksOf(chosen);
  const shared = { ...policies, hasFallback: () => left.length > 0 };
  const errors: Record<string, OutputError> = {};
  for (let choice = chosen; ; ) {
    const output = await execute(choice, shared);
    const next = isReplaceable(output) ? left.shift() : undefined;
    if (!next) return withErrors(output, errors);
    Object.assign(errors, output.errors);
    run.events.emit("fallback_started", { from: choice.tool.name, to: next.name });
    // The options of a plan are for the fallbacks of that plan.
    const isPlanned = run.input.fallbackTools.length === 0;
    const toolOptions = isPlanned ? chosen.toolOptions : run.input.toolOptions;
    choice = { ...chosen, tool: next, toolOptions, resolved: undefined, isFallback: true };
  }
}

/** Each fallback once, and never the chosen tool: a name means one tool, and a tool that failed is not asked again. */
function fallbacksOf({ tool, fallbackTools }: ToolChoice) {
  const known = new Set([tool.name]);
  return fallbackTools.filter(({ name }) => !known.has(name) && known.add(name));
}

function isReplaceable(output: OrchestrationOutput): boolean {
  if (output.status !== "failed") return false;
  return Object.values(output.errors).every(({ category, code }) => canFallBack(category) || isRefusal(code));
}

/** A request that one fallback refuses may suit the next one. */
function isRefusal(code: string): boolean {
  return code === InvalidOptionsError.code;
}

function withErrors(output: OrchestrationOutput, errors: Record<string, OutputError>): OrchestrationOutput {
  if (Object.keys(errors).length === 0) return output;
  return { ...output, errors: { ...errors, ...output.errors } } as OrchestrationOutput;
}
