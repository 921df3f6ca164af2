import { setImmediate } from "node:timers/promises";
import { isSelfGuarding } from "../contract/call.ts";
import { Incomplete } from "../contract/incomplete.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import type { AnyTool } from "../contract/tool.ts";
import { CancelScope } from "../core/signal.ts";
import { traceTool } from "../telemetry/run-spans.ts";
import type { Span } from "../telemetry/span.ts";
import { checkRequest } from "./check-request.ts";
import type { RunContext } from "./run-context.ts";
import { resolveToolOptions } from "./run-input.ts";
import { completedOutput, outputOf } from "./run-output.ts";
import { createToolContext, guardFor } from "./tool-context.ts";

/**
 * Runs the chosen tool once, under the run's guards.
 *
 * @returns the output, of a failure too
 * @throws what the run rejects with: cancellation, a budget, input that the caller must fix
 */
export function executeTool(context: RunContext): Promise<OrchestrationOutput> {
  const tool = context.tool as AnyTool;
  context.events.source = tool.name;
  return traceTool(tool, context.span, async (span) => {
    try {
      const request = await acceptedRequest(context, tool);
      const options = resolveToolOptions(tool, context.toolOptions);
      context.events.emit("tool_started", { toolName: tool.name });
      return completedOutput(context, await invoke(context, tool, request, options, span));
    } catch (error) {
      return outputOf(context, tool, error);
    }
  });
}

/** The request as the tool takes it, which a tool without an `inputSchema` takes as it is. */
function acceptedRequest({ input, scope, accepted }: RunContext, tool: AnyTool): unknown {
  if (scope.aborted) throw scope.reason;
  if (accepted?.tool === tool) return accepted.request;
  return tool.inputSchema ? scope.race(checkRequest(tool, input.request)) : input.request;
}

async function invoke(
  context: RunContext,
  tool: AnyTool,
  request: unknown,
  options: object,
  span: Span,
): Promise<unknown> {
  const guard = guardFor(context, span);
  if (isSelfGuarding(tool)) {
    const work = Promise.resolve(tool.execute(request, options, createToolContext(context, guard, span)));
    return endedWith(context.scope, work);
  }
  const outcome = await guard({
    provider: tool.provider ?? `tool:${tool.name}`,
    bound: () => tool.estimate?.(request, options),
    // What one attempt does to its options is no concern of the next.
    execute: (attempt) =>
      tool.execute(
        request,
        resolveToolOptions(tool, context.toolOptions),
        createToolContext(context, guard, span, attempt),
      ),
  });
  if (outcome.ok) return outcome.value;
  if (outcome.error instanceof Incomplete) throw outcome.error;
  const failures = { [tool.name]: outcome.failure };
  throw new Incomplete({ content: null, isUsable: false, failures, cause: outcome.error });
}

/**
 * What a tool gives that guards its calls itself. These end with the run, and the tool then has the rest of the tick to
 * give what it has by now; what else it waits for, in code of a subclass or a schema, ends nothing and is left behind.
 */
function endedWith<R>(scope: CancelScope, work: Promise<R>): Promise<R> {
  const over = new CancelScope();
  const leave = scope.onAbort(() => void setImmediate().then(() => over.abort(scope.reason)));
  return over.race(work).finally(leave);
}
