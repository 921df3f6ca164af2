import { automaticKey } from "../contract/config.ts";
import type { EnclosingWork } from "../contract/enclosing-work.ts";
import { BudgetExceeded, CancelledError, ConflictError } from "../contract/errors.ts";
import { hasEvidence, type OrchestrationOutput } from "../contract/output.ts";
import { schedule } from "../core/clock.ts";
import { asRejection } from "../core/error-marks.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import { onAbort } from "../core/signal.ts";
import type { BudgetOverrun } from "../guard/account.ts";
import { BudgetLedger } from "../guard/budget.ts";
import { meterRun } from "../telemetry/run-metrics.ts";
import { traceRun } from "../telemetry/run-spans.ts";
import type { Span } from "../telemetry/span.ts";
import { executeTool } from "./execute-tool.ts";
import type { Execute } from "./fallbacks.ts";
import { fingerprintRun, keyByFingerprint } from "./key/run-fingerprint.ts";
import { acceptRequest, limitsOf, type PreparedRun } from "./prepare-run.ts";
import type { Reliability } from "./reliability.ts";
import type { ResolvedInput, Run, ToolChoice, WorkSetting } from "./run-context.ts";
import type { RunEvents } from "./run-events.ts";
import { createRunLog } from "./run-log.ts";
import { emitEnd, emitRejection, withoutGaps } from "./run-output.ts";

/**
 * The way of a run, from its checked input (prepare-run.ts) to its one terminal event:
 * start -> claim (key/run-once.ts) -> plan (choose-tool.ts) -> fallback (fallbacks.ts) -> execute (execute-tool.ts) ->
 * output (run-output.ts) -> settle (key/run-once.ts) -> terminal event. A basic orchestrator has no reliability: its runs
 * go from the start to the execution.
 *
 * @throws what the caller must fix or decide; nothing of the run is left then either
 */
export async function startRun(
  prepared: PreparedRun,
  reliability: Reliability | undefined,
): Promise<OrchestrationOutput> {
  const begun = begin(prepared, reliability);
  const { input, events, requestId, traceId } = begun;
  const release = endEarly(begun);
  let run = begun;
  try {
    const fingerprint = input.options.idempotencyKey === undefined ? undefined : fingerprintRun(asked(begun));
    run = withKey(begun, fingerprint);
    const resolved = await resolveInput(run);
    announce(run);
    const toolName = input.tool?.name;
    const showsContent = run.settings.showsContent && input.options.redact === undefined;
    const content = showsContent ? { request: input.request } : undefined;
    const work = (span: Span) => perform(run, { fingerprint, resolved, span }, reliability);
    const given = await meterRun({ toolName, events }, () => traceRun({ requestId, traceId, toolName, content }, work));
    const output = heldAgainstMinimum(run, given);
    emitEnd(run, output);
    return output;
  } catch (error) {
    if (events.hasBegun) emitRejection(run, error);
    else events.end(error);
    throw events.hasBegun && concernsOthers(error) ? error : asRejection(error);
  } finally {
    release();
    if (events.recording) await reliability?.events?.whenKept(events.recording);
  }
}

/** Facts that the start of a run has found out. */
interface Started {
  /** Fingerprint of the caller's input; there with an idempotency key. */
  readonly fingerprint: string | undefined;
  readonly resolved: ResolvedInput | undefined;
  readonly span: Span;
}

/** Claim, plan, fallbacks, execution, output, settlement. */
function perform(run: Run, started: Started, reliability: Reliability | undefined): Promise<OrchestrationOutput> {
  const { fingerprint, resolved, span } = started;
  const alone: WorkSetting = { scope: run.callerScope, journal: run.jobTry?.journal };
  const chosen = choiceOf(run, resolved);
  if (!reliability) return executeTool(run, alone, chosen as ToolChoice, undefined, span);
  // Code that asks one question several times in one run counts the answers itself: they have to be several.
  const answers = run.around ? undefined : reliability.answersFor?.(run);
  const work = async (given: WorkSetting) => {
    const setting = { ...given, answers, whenHeld: () => ready(given, reliability) };
    const choice = chosen ?? (await reliability.choose(run, setting));
    const execute: Execute = (tool, policies) => executeTool(run, setting, tool, policies, span);
    return forReview(run, await reliability.withFallbacks(run, choice, execute));
  };
  return fingerprint === undefined ? work(alone) : reliability.once(run, fingerprint, work);
}

/** Resolves once the key is known to be held and the event log has room; `undefined` while both are so. */
function ready(setting: WorkSetting, { events }: Reliability): Promise<void> | undefined {
  const held = setting.whenHeld?.();
  const room = events?.room();
  return held && room ? Promise.all([held, room]).then(() => {}) : (held ?? room);
}

/** The tool that the caller named; `undefined` where a planner is to choose. */
function choiceOf({ input }: Run, resolved: ResolvedInput | undefined): ToolChoice | undefined {
  const { tool, toolOptions, fallbackTools } = input;
  return tool && { tool, toolOptions, resolved, fallbackTools, isFallback: false };
}

function begin(prepared: PreparedRun, reliability: Reliability | undefined): Run {
  const { input, settings, events } = prepared;
  const recording = reliability?.events?.record(prepared);
  if (recording) events.recordIn(recording);
  if (input.options.idempotencyKey === undefined) recording?.begin();
  const isRedacted = input.options.redact !== undefined;
  if (settings.logger) events.logTo(createRunLog(settings.logger, prepared, { isRedacted }));
  const ledger = new BudgetLedger({
    limits: limitsOf(input.options),
    clock: settings.clock,
    onOverrun: (overrun) => warnOfOverrun(events, overrun),
  });
  const { jobTry } = prepared;
  if (jobTry?.spent) ledger.charge(jobTry.spent);
  return { ...prepared, ledger, waits: new Set() };
}

/**
 * Ends the run when its caller's signal aborts, its time is up, or the attempt of another run ends that has started it.
 *
 * @returns a function that lets go of the signal, the timer and the scope, and counts what a run has used that was cut off
 */
function endEarly(run: Run): () => void {
  const { input, callerScope, around } = run;
  const { signal } = input;
  const stopFollowing = signal && onAbort(signal, () => callerScope.abort(new CancelledError(signal.reason)));
  const stopWaiting = armDeadline(run);
  const leave = around && around !== "over" ? endWith(around, run) : undefined;
  return () => {
    stopFollowing?.();
    stopWaiting?.();
    callerScope.dispose();
    leave?.();
  };
}

function endWith(around: EnclosingWork, { callerScope, ledger }: Run): () => void {
  let isCutOff = false;
  const stop = around.scope.onAbort(() => {
    isCutOff = true;
    callerScope.abort(new CancelledError(around.scope.reason));
  });
  return () => {
    stop();
    const { spent } = ledger;
    if (isCutOff && (spent.costUsd !== 0 || spent.usage.totalTokens > 0)) around.count(spent);
  };
}

function armDeadline(run: Run): (() => void) | undefined {
  const { ledger, settings, callerScope, events } = run;
  const { timeMs } = ledger.limits;
  if (timeMs === undefined) return undefined;
  const { clock } = settings;
  const startedAtMs = clock.now();
  const expire = () => {
    // A run that ends before its start was told tells of its timeout after it.
    if (events.hasBegun) events.emit("timeout", { limitMs: timeMs });
    const elapsedMs = Math.max(timeMs, Math.round(clock.now() - startedAtMs));
    callerScope.abort(new BudgetExceeded("timeMs", timeMs, elapsedMs, { waitedFor: awaitedBy(run) }));
  };
  return schedule(clock, expire, timeMs);
}

function awaitedBy({ waits, events }: Run): string {
  return [...waits].at(-1)?.what ?? (events.source === "" ? "its planner" : `tool "${events.source}"`);
}

function warnOfOverrun(events: RunEvents, { budgetType, limit, actual }: BudgetOverrun): void {
  const message = `The budget of ${limit} ${budgetType} was overrun: ${actual} are used. A call used more than was known before it started. Declare tool.estimate or perReplicateBudget.`;
  events.emit("warning", { code: "budget_overrun", message });
}

/** Gives a run that is known by what it asks the key of that. */
function withKey(run: Run, fingerprint: string | undefined): Run {
  const { input } = run;
  if (fingerprint === undefined || input.options.idempotencyKey !== automaticKey) return run;
  const idempotencyKey = keyByFingerprint(fingerprint, input.tool);
  return { ...run, input: { ...input, options: { ...input.options, idempotencyKey } } };
}

/** Returns what two runs of one key have to agree on. */
function asked({ input: { request, tool, toolOptions, agents } }: Run) {
  return { request, toolName: tool?.name, toolOptions, agents };
}

/** A refused request ends the run before its first event. An abort meanwhile is met where the tool would run. */
async function resolveInput({ input, callerScope, events }: Run): Promise<ResolvedInput | undefined> {
  const { tool, request, resolvedOptions: options } = input;
  if (!tool || !options) return undefined;
  events.source = tool.name;
  if (!tool.inputSchema) return { options, request };
  try {
    return { options, request: await callerScope.race(acceptRequest(tool, request)) };
  } catch (error) {
    if (!callerScope.aborted) throw error;
    return undefined;
  }
}

function announce({ input, events, callerScope }: Run): void {
  const { budget } = input.options;
  events.emit("run_started", { request: input.request, ...(budget && { budget: withoutGaps(budget) }) });
  if (BudgetExceeded.isInstance(callerScope.reason)) events.emit("timeout", { limitMs: callerScope.reason.limit });
}

/**
 * True for an error that other runs may get too: runs of one tool may wait together for its model or its schema, and a
 * run that is refused because its key is in flight may have been started by the run that holds it.
 */
function concernsOthers(error: unknown): boolean {
  return InvalidOptionsError.isInstance(error) || (ConflictError.isInstance(error) && error.reason === "in_flight");
}

/** Keeps an answer that is not sure enough for a person, under the key of the run. */
function forReview({ input, events }: Run, output: OrchestrationOutput): OrchestrationOutput {
  const { review, idempotencyKey: key } = input.options;
  if (!review || key === undefined || output.status !== "completed" || !hasEvidence(output)) return output;
  const { summary } = output.content.evidenceBundle;
  const confidence = summary.calibratedConfidence ?? summary.confidence;
  const { below } = review;
  if (confidence >= below) return output;
  const message = `The confidence of ${confidence.toFixed(3)} is below options.review.below = ${below}. The run waits for a decision: orchestrator.resolve(${JSON.stringify(key)}, { accept: true }), or { consensus } with another.`;
  events.emit("warning", { code: "needs_review", message });
  return { ...output, status: "partial", metadata: { ...output.metadata, needsReview: { key, below } } };
}

/** Compares the confidence with what this caller asks for: the output may be of another run of the same key. */
function heldAgainstMinimum({ input, events }: Run, output: OrchestrationOutput): OrchestrationOutput {
  const minimum = input.options.qualityRequirements?.minConfidence;
  if (minimum === undefined || !hasEvidence(output)) return output;
  const { summary } = output.content.evidenceBundle;
  const confidence = summary.calibratedConfidence ?? summary.confidence;
  if (confidence >= minimum) return output;
  const message = `The confidence of ${confidence.toFixed(3)} is below qualityRequirements.minConfidence = ${minimum}. Raise k, or escalate to a stronger model.`;
  events.emit("warning", { code: "low_confidence", message });
  return { ...output, metadata: { ...output.metadata, belowMinConfidence: true } };
}
