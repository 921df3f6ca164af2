import { BudgetExceeded, CancelledError, ConflictError } from "../contract/errors.ts";
import { hasEvidence, type OrchestrationOutput, type OutputError } from "../contract/output.ts";
import type { AnyTool } from "../contract/tool.ts";
import { compose } from "../core/compose.ts";
import { asRejection } from "../core/error-marks.ts";
import { InvalidOptionsError, messageOf } from "../core/errors.ts";
import { onAbort } from "../core/signal.ts";
import { toOutputError } from "../guard/classify.ts";
import { meterRun } from "../telemetry/run-metrics.ts";
import { traceRun } from "../telemetry/run-spans.ts";
import type { Span } from "../telemetry/span.ts";
import { executeTool } from "./execute-tool.ts";
import { fingerprintRun } from "./key/run-fingerprint.ts";
import { checkRequest, type PreparedRun, type RunInput } from "./prepare-run.ts";
import { armDeadline, createRunContext, type RunContext, type RunLayer } from "./run-context.ts";
import { createRunLog } from "./run-log.ts";

/** Runs what was prepared, through its layers, and settles it once: with one terminal event, and nothing left behind. */
export async function startRun(run: PreparedRun, layers: readonly RunLayer[]): Promise<OrchestrationOutput> {
  const { input, settings, callerScope, events, requestId, traceId } = run;
  const isRedacted = input.options.redact !== undefined;
  if (settings.logger) events.logTo(createRunLog(settings.logger, run, { isRedacted }));
  const context = createRunContext(run);
  const stopFollowing = input.signal && follow(input.signal, context);
  const stopWaiting = armDeadline(context);
  try {
    if (input.options.idempotencyKey !== undefined) context.fingerprint = fingerprintOf(input);
    if (context.tool?.inputSchema) await acceptRequest(context, context.tool);
    events.source = context.tool?.name ?? "";
    events.emit("run_started", { request: input.request });
    if (BudgetExceeded.isInstance(callerScope.reason)) events.emit("timeout", { limitMs: callerScope.reason.limit });
    const toolName = context.tool?.name;
    const execute = (span: Span) => {
      context.span = span;
      return compose(layers, executeTool)(context);
    };
    const given = await meterRun({ toolName, events }, () => traceRun({ requestId, traceId, toolName }, execute));
    const output = heldAgainstMinimum(context, given);
    emitEnd(context, output);
    return output;
  } catch (error) {
    if (events.hasBegun) emitRejection(context, error);
    else events.end(error);
    throw events.hasBegun && concernsOthers(error) ? error : asRejection(error);
  } finally {
    stopFollowing?.();
    stopWaiting?.();
    callerScope.dispose();
  }
}

/**
 * Runs of one tool may wait together for its model or its schema, and then get one and the same error; and a run that is
 * refused because its key is in flight may have been started by the very run that has it.
 */
function concernsOthers(error: unknown): boolean {
  return InvalidOptionsError.isInstance(error) || (ConflictError.isInstance(error) && error.reason === "in_flight");
}

function fingerprintOf({ request, tool, toolOptions, agents }: RunInput): string {
  return fingerprintRun({ request, toolName: tool?.name, toolOptions, agents });
}

/** A request that its tool refuses ends the run before any event; an abort meanwhile is met where the tool would run. */
async function acceptRequest(context: RunContext, tool: AnyTool): Promise<void> {
  const { input, callerScope } = context;
  try {
    context.accepted = { tool, request: await callerScope.race(checkRequest(tool, input.request)) };
  } catch (error) {
    if (!callerScope.aborted) throw error;
  }
}

function follow(signal: AbortSignal, { callerScope }: RunContext): () => void {
  return onAbort(signal, () => callerScope.abort(new CancelledError(signal.reason)));
}

function emitEnd({ events }: RunContext, output: OrchestrationOutput): void {
  if (output.status !== "failed") events.emit("run_completed", { output });
  else events.emit("run_failed", { output, error: Object.values(output.errors).at(-1) as OutputError });
}

function emitRejection({ events }: RunContext, error: unknown): void {
  if (CancelledError.isInstance(error)) events.emit("cancelled", { reason: messageOf(error.cause) });
  else events.emit("run_failed", { error: toOutputError(error, 0) });
}

/** Held against what this caller asks for: the output may be another's, of the same key. */
export function heldAgainstMinimum({ input, events }: RunContext, output: OrchestrationOutput): OrchestrationOutput {
  const minimum = input.options.qualityRequirements?.minConfidence;
  if (minimum === undefined || !hasEvidence(output)) return output;
  const { summary } = output.content.evidenceBundle;
  const confidence = summary.calibratedConfidence ?? summary.confidence;
  if (confidence >= minimum) return output;
  const message = `The confidence of ${confidence.toFixed(3)} is below qualityRequirements.minConfidence = ${minimum}. Raise k, or escalate to a stronger model.`;
  events.emit("warning", { code: "low_confidence", message });
  return { ...output, metadata: { ...output.metadata, belowMinConfidence: true } };
}
