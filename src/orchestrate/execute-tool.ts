import { setImmediate } from "node:timers/promises";
import { type CallAttempt, type CallGuard, isSelfGuarding, type ToolRuntime, withRuntime } from "../contract/call.ts";
import { EnclosingWork } from "../contract/enclosing-work.ts";
import { CancelledError } from "../contract/errors.ts";
import type { EventData } from "../contract/event.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import { PartialResult } from "../contract/partial-result.ts";
import { type AnyTool, type ToolContext, withLazySignal } from "../contract/tool.ts";
import type { Budget } from "../contract/usage.ts";
import { modulesLoaded } from "../core/lazily.ts";
import { CancelScope } from "../core/signal.ts";
import { inSlices } from "../core/slices.ts";
import type { CallPolicies } from "../guard/budgeted-call.ts";
import { toOutputError } from "../guard/classify.ts";
import { createCallGuard } from "../guard/guard.ts";
import { meterCalls } from "../telemetry/run-metrics.ts";
import { traceCalls, traceTool } from "../telemetry/run-spans.ts";
import type { Span } from "../telemetry/span.ts";
import { type Run, showsContent, type ToolChoice, type WorkSetting } from "./run-context.ts";
import { completedOutput, outputOf } from "./run-output.ts";
import { acceptRequest, type ResolvedInput, resolveToolOptions } from "./tool-input.ts";

/**
 * Runs the chosen tool once, under the run's guards.
 *
 * @param policies of its calls; without them each call has one attempt
 * @param parent of the tool's span
 * @returns the output, of a failure too
 * @throws what the run rejects with: cancellation, a budget, input that the caller must fix
 */
export function executeTool(
  run: Run,
  setting: WorkSetting,
  choice: ToolChoice,
  policies: CallPolicies | undefined,
  parent: Span,
): Promise<OrchestrationOutput> {
  const { tool } = choice;
  run.events.source = tool.name;
  return traceTool(tool, parent, async (span) => {
    try {
      if (setting.scope.aborted) throw setting.scope.reason;
      if (run.enclosing === "over")
        throw new CancelledError("the attempt that has started it has ended: await inner runs");
      const given = choice.resolved ?? (await resolve(run, setting, choice));
      const { k } = given.options as { readonly k?: unknown };
      const isBundle = isSelfGuarding(tool) && typeof k === "number";
      run.events.emit("tool_started", { toolName: tool.name, ...(isBundle && { k }) });
      const content = await new Execution({ run, setting, policies, span, tool, given }).invoke();
      return await inSlices(completedOutput(run, choice, content));
    } catch (error) {
      return outputOf(run, choice, setting.scope, error);
    }
  });
}

/** Checks what a planner or a fallback has chosen; what the caller has chosen was checked at the edge. */
async function resolve(
  { input }: Run,
  { scope }: WorkSetting,
  { tool, toolOptions }: ToolChoice,
): Promise<ResolvedInput> {
  const request = tool.inputSchema ? await scope.race(acceptRequest(tool, input.request)) : input.request;
  return { request, options: resolveToolOptions(tool, toolOptions) };
}

interface ExecutionParts {
  readonly run: Run;
  readonly setting: WorkSetting;
  readonly policies: CallPolicies | undefined;
  readonly span: Span;
  readonly tool: AnyTool;
  readonly given: ResolvedInput;
}

/** Execution of one tool of a run. */
class Execution {
  readonly #parts: ExecutionParts;
  /** Ends what the tool has started; that of a tool which is guarded as a whole does so for each attempt. */
  readonly #scope: CancelScope;
  readonly #guard: CallGuard;

  constructor(parts: ExecutionParts) {
    const { run, setting, tool } = parts;
    this.#parts = parts;
    this.#scope = isSelfGuarding(tool) ? new CancelScope(setting.scope) : setting.scope;
    this.#guard = this.#guardOf(run.ledger);
  }

  /** Gives the tool's content. A tool that guards its calls itself is executed as it is, any other as one guarded call. */
  invoke(): Promise<unknown> {
    return isSelfGuarding(this.#parts.tool) ? this.#invokeUnguarded() : this.#invokeGuarded();
  }

  #invokeUnguarded(): Promise<unknown> {
    const { run, tool, given } = this.#parts;
    const work = new EnclosingWork(this.#scope, (spent) => run.ledger.charge(spent));
    const content = work.run(async () => tool.execute(given.request, given.options, this.#contextFor()));
    return endedWith(work, content).finally(() => work.end());
  }

  async #invokeGuarded(): Promise<unknown> {
    const { tool, given } = this.#parts;
    const { request, options } = given;
    let latest: Promise<unknown> | undefined;
    const outcome = await this.#guard({
      provider: tool.provider ?? `tool:${tool.name}`,
      bound: () => tool.estimate?.(request, options),
      // A copy, so that an attempt which changes its options leaves those of the next one alone.
      execute: (attempt) => {
        latest = Promise.resolve(tool.execute(request, copyOf(options), this.#contextFor(attempt)));
        return latest;
      },
    });
    // Code of an attempt that was cut off hears of the abort, and reports what it has used.
    if (!outcome.ok && latest) await Promise.race([latest.catch(() => {}), untilQuiet()]);
    if (outcome.ok) return outcome.value;
    if (outcome.error instanceof PartialResult) throw outcome.error;
    const failures = { [tool.name]: outcome.failure };
    throw new PartialResult({ content: null, isUsable: false, failures, cause: outcome.error });
  }

  /** Makes a guard on the run's ledger or on a part of it. Each call is measured, and has a span below the tool's. */
  #guardOf(ledger: Run["ledger"]): CallGuard {
    const { run, setting, policies, span } = this.#parts;
    const { settings, events, jobTry } = run;
    const guard = createCallGuard({
      scope: this.#scope,
      clock: settings.clock,
      random: settings.random,
      ledger,
      emit: (type, data, attempt) => {
        if (type === "retry_scheduled") {
          const { delayMs, error } = data as EventData["retry_scheduled"];
          jobTry?.onRetry(delayMs, error);
        }
        events.emit(type, data, attempt);
      },
      policies,
      pacing: policies?.pacing,
      ready: () => {
        const held = setting.whenHeld?.();
        return held && setting.scope.race(held);
      },
    });
    return meterCalls(traceCalls(guard, span, showsContent(run)));
  }

  /** @param attempt of a tool that is guarded as a whole; a tool that guards its calls itself has none yet */
  #contextFor(attempt?: CallAttempt): ToolContext {
    const { events, traceId, requestId, ledger, settings, input } = this.#parts.run;
    const { clock, random } = settings;
    const { idempotencyKey } = input.options;
    const number = attempt?.attempt ?? 1;
    const facts: Omit<ToolContext, "signal"> = {
      events: events.forTool(number, attempt),
      traceId,
      requestId,
      attempt: number,
      budget: ledger,
      clock,
      random,
      reportUsage: (usage, costUsd = null) => attempt?.spend(usage, costUsd),
      ...(idempotencyKey !== undefined && { idempotencyKey }),
    };
    return withRuntime(withLazySignal(facts, attempt ?? this.#scope), this.#runtimeFor(attempt));
  }

  #runtimeFor(attempt: CallAttempt | undefined): ToolRuntime {
    const { run, setting, policies, tool, given } = this.#parts;
    const { events, settings, input, ledger } = run;
    return {
      guard: this.#guard,
      guardWithin: (limits: Budget) => this.#guardOf(ledger.child(limits)),
      failureOf: toOutputError,
      request: { accepted: given.request, given: input.request },
      resolved: { tool, options: given.options },
      journal: setting.journal,
      answers: setting.answers,
      timesAsked: new Map(),
      prices: settings.prices,
      calibrations: settings.calibrations,
      minConfidence: input.options.qualityRequirements?.minConfidence,
      estimateTokens: settings.estimateTokens,
      modelTraits: policies?.modelTraits,
      attempt,
      isHeard: () => events.isHeard,
      eventsFor: (attemptNumber, delivers) => events.forTool(attemptNumber, delivers),
      isStreaming: input.options.streaming,
      maxParallel: input.options.maxParallel,
    };
  }
}

/** Resolves when the reactions of all settled promises have run. */
function untilQuiet(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

function copyOf(options: object): object {
  return Object.assign(Object.create(Object.getPrototypeOf(options)), options);
}

/** Waits for further long computations that a tool is granted after its run has ended. */
const mostComputations = 8;

/**
 * Waits for the content of a self-guarding tool, and not much longer than its run lasts. After the end, the tool has one
 * macrotask to return what it has, and one more each time that something it started has settled: calls, inner runs, evidence
 * that is computed in slices, modules that are loaded for the first time.
 */
function endedWith<R>(work: EnclosingWork, content: Promise<R>): Promise<R> {
  const { scope } = work;
  const over = new CancelScope();
  const leave = async () => {
    await setImmediate();
    for (let count = 0; count < mostComputations && ((await modulesLoaded()) || work.innerSettled); count++) {
      await work.innerSettled;
      await setImmediate();
    }
    over.abort(scope.reason);
  };
  return over.race(content).finally(scope.onAbort(() => void leave()));
}
