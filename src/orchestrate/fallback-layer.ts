import type { OrchestrationOutput, OutputError } from "../contract/output.ts";
import type { AnyTool } from "../contract/tool.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import type { CallPolicies } from "../guard/budgeted-call.ts";
import { canFallBack } from "../guard/fallback.ts";
import type { RunContext, RunLayer } from "./run-context.ts";

/** Puts every call of the run under policies, and replaces a whole tool that failed by its next fallback. */
export function createGuardLayer(policies: Omit<CallPolicies, "hasFallback">): RunLayer {
  return async (context, next) => {
    const left = fallbacksOf(context);
    context.callPolicies = { ...policies, hasFallback: () => left.length > 0 };
    const errors: Record<string, OutputError> = {};
    for (;;) {
      const output = await next();
      const fallback = isReplaceable(output) ? left.shift() : undefined;
      if (!fallback) return withErrors(output, errors);
      Object.assign(errors, output.errors);
      context.events.emit("fallback_started", { from: context.tool?.name ?? "", to: fallback.name });
      context.tool = fallback;
      context.isFallback = true;
      // What a plan asks for goes to the tools that the plan has named.
      if (context.input.fallbackTools.length > 0) context.toolOptions = context.input.toolOptions;
    }
  };
}

/** Each once, and never the tool itself: a name means one tool, and one that failed is not asked again. */
function fallbacksOf({ tool, fallbackTools }: RunContext): AnyTool[] {
  if (fallbackTools.length === 0) return [];
  const known = new Set([tool?.name]);
  return fallbackTools.filter(({ name }) => !known.has(name) && known.add(name));
}

function isReplaceable(output: OrchestrationOutput): boolean {
  if (output.status !== "failed") return false;
  return Object.values(output.errors).every(({ category, code }) => canFallBack(category) || isRefusal(code));
}

/** What one fallback cannot take, the next one may. */
function isRefusal(code: string): boolean {
  return code === InvalidOptionsError.code;
}

/** An output that also says what became of the tools before. */
function withErrors(output: OrchestrationOutput, errors: Record<string, OutputError>): OrchestrationOutput {
  if (Object.keys(errors).length === 0) return output;
  return { ...output, errors: { ...errors, ...output.errors } } as OrchestrationOutput;
}
