import type { Call, CallGuard, CallOutcome } from "../contract/call.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import type { AnyTool } from "../contract/tool.ts";
import type { Spent } from "../contract/usage.ts";
import { contentOfCall, contentOfOutput, contentOfRequest } from "./content.ts";
import { noSpan, type Span, type SpanAttributes, startSpan } from "./span.ts";

// Names by the semantic conventions for generative AI, version 0.1.0
// (https://github.com/open-telemetry/semantic-conventions-genai); what they have no name for is under `steer.`.

/** A run, as its span shows it. */
interface TracedRun {
  readonly requestId: string;
  readonly traceId: string;
  readonly toolName?: string | undefined;
  /** Request, where the span is to show content. */
  readonly content?: { readonly request: unknown } | undefined;
}

/** Does the work of a run inside its span. */
export function traceRun<O extends OrchestrationOutput>(run: TracedRun, work: (span: Span) => Promise<O>): Promise<O> {
  const operation = "invoke_workflow";
  const span = startSpan(run.toolName === undefined ? operation : `${operation} ${run.toolName}`, {
    "gen_ai.operation.name": operation,
    "gen_ai.agent.name": run.toolName,
    "steer.request_id": run.requestId,
    "steer.trace_id": run.traceId,
  });
  if (span === noSpan) return work(noSpan);
  if (!run.content) return workIn(span, work);
  span.setAttributes(contentOfRequest(run.content.request));
  return workIn(span, async (parent) => {
    const output = await work(parent);
    span.setAttributes(contentOfOutput(output));
    return output;
  });
}

/** Does the work of one tool of a run, the chosen one or a fallback, inside a span below the run's. */
export function traceTool<O extends OrchestrationOutput>(
  tool: AnyTool,
  parent: Span,
  work: (span: Span) => Promise<O>,
): Promise<O> {
  if (parent === noSpan) return work(noSpan);
  const attributes = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": tool.name,
    "steer.tool.version": tool.version,
  };
  return workIn(startSpan(`execute_tool ${tool.name}`, attributes, parent), work);
}

/**
 * The guard, each of whose replicates is a span below `parent` over all its attempts. The one call of a plain tool is
 * what the tool's own span shows.
 *
 * @param showsContent true where the span is to show what was asked and answered, of the last attempt
 */
export function traceCalls(guard: CallGuard, parent: Span, showsContent = false): CallGuard {
  if (parent === noSpan) return guard;
  return async (call) => {
    if (call.replicateId === undefined) return guard(call);
    const span = startCallSpan(call, parent);
    const outcome = await span.run(() => guard(showsContent ? withContent(call, span) : call));
    span.setAttributes({
      ...spentAttributes(outcome),
      "gen_ai.response.model": answeredBy(outcome),
      "steer.attempts": outcome.attempts,
    });
    if (!outcome.ok) span.recordError(outcome.failure);
    span.end();
    return outcome;
  };
}

function withContent<R>(call: Call<R>, span: Span): Call<R> {
  return {
    ...call,
    execute(attempt) {
      attempt.onContent = (content) => span.setAttributes(contentOfCall(content));
      return call.execute(attempt);
    },
  };
}

function startCallSpan(call: Call<unknown>, parent: Span): Span {
  const attributes = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": call.provider,
    "gen_ai.request.model": call.modelId,
    "gen_ai.request.seed": call.seed,
    "steer.replicate.id": call.replicateId,
  };
  return startSpan(call.modelId === undefined ? "chat" : `chat ${call.modelId}`, attributes, parent);
}

async function workIn<O extends OrchestrationOutput>(span: Span, work: (span: Span) => Promise<O>): Promise<O> {
  try {
    const output = await span.run(() => work(span));
    span.setAttributes({ "steer.status": output.status, ...spentAttributes(output) });
    if (output.status === "failed") span.recordError(Object.values(output.errors).at(-1));
    return output;
  } catch (error) {
    span.recordError(error);
    throw error;
  } finally {
    span.end();
  }
}

/** The model that an answer says it is from. */
export function answeredBy(outcome: CallOutcome<unknown>): string | undefined {
  const { model } = Object(outcome.ok ? outcome.value : undefined) as { model?: unknown };
  return typeof model === "string" ? model : undefined;
}

function spentAttributes({ usage, costUsd }: Spent): SpanAttributes {
  return {
    "gen_ai.usage.input_tokens": usage.inputTokens,
    "gen_ai.usage.output_tokens": usage.outputTokens,
    "gen_ai.usage.cache_read.input_tokens": usage.cachedInputTokens,
    "gen_ai.usage.cache_creation.input_tokens": usage.cacheWriteInputTokens,
    "gen_ai.usage.reasoning.output_tokens": usage.reasoningTokens,
    "steer.cost_usd": costUsd ?? undefined,
  };
}
