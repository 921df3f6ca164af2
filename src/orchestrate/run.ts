import { automaticKey, type ResolvedOrchestrationConfig } from "../contract/config.ts";
import type { EnclosingWork } from "../contract/enclosing-work.ts";
import { BudgetExceeded, CancelledError, ConflictError } from "../contract/errors.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import type { Budget } from "../contract/usage.ts";
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
import { forReview, heldAgainstMinimum } from "./low-confidence.ts";
import type { PreparedRun } from "./prepare-run.ts";
import type { Reliability } from "./reliability.ts";
import { type Run, showsContent, type ToolChoice, type WorkSetting } from "./run-context.ts";
import type { RunEvents } from "./run-events.ts";
import { createRunLog } from "./run-log.ts";
import { emitEnd, emitRejection, withoutGaps } from "./run-output.ts";
import { acceptRequest, type ResolvedInput } from "./tool-input.ts";

/**
 * Carries a run from its checked input (run-input.ts) to its one terminal event:
 * start -> claim (key/run-once.ts) -> plan (choose-tool.ts) -> fallback (fallbacks.ts) -> execute (execute-tool.ts) ->
 * output (run-output.ts) -> settle (key/run-once.ts) -> terminal event. A basic orchestrator has no reliability: its runs
 * go from the start to the execution.
 *
 * @throws what the caller must fix or decide; nothing of the run goes on then
 */
export async function startRun(
  prepared: PreparedRun,
  reliability: Reliability | undefined,
): Promise<OrchestrationOutput> {
  const begun = begin(prepared, reliability);
  const { input, events } = begun;
  const release = endEarly(begun);
  let run = begun;
  try {
    const fingerprint = input.options.idempotencyKey === undefined ? undefined : fingerprintRun(asked(begun));
    run = withKey(begun, fingerprint);
    const resolved = await resolveInput(run);
    announce(run);
    const given = await observed(run, (span) => perform(run, { fingerprint, resolved, span }, reliability));
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

/** Does the work of a run: claim, plan, fallbacks, execution, output, settlement. */
function perform(run: Run, started: Started, reliability: Reliability | undefined): Promise<OrchestrationOutput> {
  const { fingerprint, resolved, span } = started;
  const alone: WorkSetting = { scope: run.callerScope, journal: run.jobTry?.journal };
  const chosen = choiceOf(run, resolved);
  if (!reliability) return executeTool(run, alone, chosen as ToolChoice, undefined, span);
  // Code that asks one question several times in one run counts the answers itself: they have to be several.
  const answers = run.enclosing ? undefined : reliability.answersFor?.(run);
  const work = async (given: WorkSetting) => {
    const setting = { ...given, answers, whenHeld: () => ready(given, reliability) };
    const choice = chosen ?? (await reliability.choose(run, setting));
    const execute: Execute = (tool, policies) => executeTool(run, setting, tool, policies, span);
    return forReview(run, await reliability.withFallbacks(run, choice, execute));
  };
  return fingerprint === undefined ? work(alone) : reliability.once(run, fingerprint, work);
}

/** Counts the run, and does its work inside its span. */
function observed(run: Run, work: (span: Span) => Promise<OrchestrationOutput>): Promise<OrchestrationOutput> {
  const { input, events, requestId, traceId } = run;
  const toolName = input.tool?.name;
  const content = showsContent(run) ? { request: input.request } : undefined;
  return meterRun({ toolName, events }, () => traceRun({ requestId, traceId, toolName, content }, work));
}

/** Resolves once the key is known to be held and the event log has room; `undefined` while both are so. */
function ready(setting: WorkSetting, { events }: Reliability): Promise<void> | undefined {
  const held = setting.whenHeld?.();
  const room = events?.room();
  return held && room ? Promise.all([held, room]).then(() => {}) : (held ?? room);
}

/** Returns the tool that the caller named; `undefined` where a planner is to choose. */
function choiceOf({ input }: Run, resolved: ResolvedInput | undefined): ToolChoice | undefined {
  const { tool, toolOptions, fallbackTools } = input;
  return tool && { tool, toolOptions, resolved, fallbackTools, isFallback: false };
}

/** Starts the recording, the log and the ledger of a run. */
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

/** Ceilings of a run. `timeoutMs` and `budget.timeMs` are one deadline: the earlier of the two. */
function limitsOf({ budget, timeoutMs }: ResolvedOrchestrationConfig): Budget {
  const timeMs = Math.min(timeoutMs ?? Number.POSITIVE_INFINITY, budget?.timeMs ?? Number.POSITIVE_INFINITY);
  return timeMs === Number.POSITIVE_INFINITY ? { ...budget } : { ...budget, timeMs };
}

/**
 * Ends the run when its caller's signal aborts, its time is up, or the attempt that started it ends.
 *
 * @returns a function that lets go of the signal, the timer and the scope, and counts the use of a run that was cut off
 */
function endEarly(run: Run): () => void {
  const { input, callerScope, enclosing } = run;
  const { signal } = input;
  const stopFollowing = signal && onAbort(signal, () => callerScope.abort(new CancelledError(signal.reason)));
  const stopWaiting = armDeadline(run);
  const leave = enclosing && enclosing !== "over" ? endWith(enclosing, run) : undefined;
  return () => {
    stopFollowing?.();
    stopWaiting?.();
    callerScope.dispose();
    leave?.();
  };
}

/** Ends a run with the attempt that started it. @returns a function that counts what a run has used that was cut off */
function endWith(enclosing: EnclosingWork, { callerScope, ledger }: Run): () => void {
  let isCutOff = false;
  const stop = enclosing.scope.onAbort(() => {
    isCutOff = true;
    callerScope.abort(new CancelledError(enclosing.scope.reason));
  });
  return () => {
    stop();
    const { spent } = ledger;
    if (isCutOff && (spent.costUsd !== 0 || spent.usage.totalTokens > 0)) enclosing.count(spent);
  };
}

function armDeadline(run: Run): (() => void) | undefined {
  const { ledger, settings, callerScope, events } = run;
  const { timeMs } = ledger.limits;
  if (timeMs === undefined) return undefined;
  const { clock } = settings;
  const startedAtMs = clock.now();
  const expire = () => {
    // Before `run_started`, no event may come: `announce` then reports the timeout.
    if (events.hasBegun) events.emit("timeout", { limitMs: timeMs });
    const elapsedMs = Math.max(timeMs, Math.round(clock.now() - startedAtMs));
    callerScope.abort(new BudgetExceeded("timeMs", timeMs, elapsedMs, { waitedFor: awaitedBy(run) }));
  };
  return schedule(clock, expire, timeMs);
}

/** Names what the run waits for, for the message of its deadline. */
function awaitedBy({ waits, events }: Run): string {
  return [...waits].at(-1)?.what ?? (events.source === "" ? "its planner" : `tool "${events.source}"`);
}

function warnOfOverrun(events: RunEvents, { budgetType, limit, actual }: BudgetOverrun): void {
  const message = `The budget of ${limit} ${budgetType} was overrun: ${actual} are used. A call used more than was known before it started. Declare tool.estimate or perReplicateBudget.`;
  events.emit("warning", { code: "budget_overrun", message });
}

/** Gives a run with the key `"auto"` the key that its fingerprint makes. */
function withKey(run: Run, fingerprint: string | undefined): Run {
  const { input } = run;
  if (fingerprint === undefined || input.options.idempotencyKey !== automaticKey) return run;
  const idempotencyKey = keyByFingerprint(fingerprint, input.tool);
  return { ...run, input: { ...input, options: { ...input.options, idempotencyKey } } };
}

/** Returns the facts that two runs of one key have to agree on. */
function asked({ input: { request, tool, toolOptions, agents } }: Run) {
  return { request, toolName: tool?.name, toolOptions, agents };
}

/**
 * Checks the request of a named tool. A refused one ends the run before its first event; an abort meanwhile is thrown where
 * the tool would run.
 */
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

/** Emits the first event, and the timeout of a run whose time was up before it. */
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
