import { CancelledError } from "../contract/errors.ts";
import type { EventType, OrchestrationEvent } from "../contract/event.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import type { AnyTool } from "../contract/tool.ts";
import { type Clock, schedule } from "../core/clock.ts";
import { createId } from "../core/random.ts";
import type { ReliableOrchestrator } from "../orchestrate/reliable-orchestrator.ts";
import { type EventLog, isEnd, type LoggedRun } from "../store/log/event-log.ts";
import { findModels } from "../tool/prompt/find-models.ts";
import { metadataOf } from "../tool/registry.ts";
import type { Caller } from "./access.ts";
import { underCeilings } from "./ceilings.ts";
import { errorFor, outputFor, prefixOf } from "./client-view.ts";
import { RequestFault } from "./problem.ts";
import type { QueuedNames, QueuedRuns } from "./queued-runs.ts";

/** Run that a client asks for. */
export interface AskedRun {
  readonly tool: AnyTool;
  readonly request: unknown;
  readonly toolOptions?: Readonly<Record<string, unknown>> | undefined;
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  readonly fallbackTools?: readonly AnyTool[] | undefined;
  /** As the client names it: no other client's run has it. */
  readonly idempotencyKey?: string | undefined;
}

/** Run that was accepted. */
export interface LiveRun {
  /** Its name in the event log. Callers of one idempotency key have one run. */
  readonly runId: string;
  /** As its client knows it. */
  readonly output: Promise<OrchestrationOutput>;
  /** Ends the run, and with it the provider's calls, where no other caller waits for it. */
  cancel(reason: string): void;
}

/** A run that is being started. */
interface Start {
  readonly caller: Caller;
  /** Its abort cancels the run. */
  readonly control: AbortController;
  readonly output: PromiseWithResolvers<OrchestrationOutput>;
  /** True where a client waits for the output. */
  readonly isAwaited: boolean;
}

/** Events after which a run may be refused yet. */
const endings: ReadonlySet<EventType> = new Set<EventType>(["run_failed", "cancelled"]);
const beforeAnswers: ReadonlySet<EventType> = new Set<EventType>([...endings, "tool_started", "warning", "error"]);
/** Longest wait to learn that a run is refused. */
const graceMs = 1_000;
/** Pauses between looks for a run in the event log, which gets it a little later. */
const looksMs = [5, 10, 20, 40, 80, 160, 320, 640];
/** Seconds after which a client that was sent away may ask again. */
const retryAfter = { "retry-after": "1" };

/** Parts that start runs. */
export interface LiveRunsParts {
  readonly orchestrator: ReliableOrchestrator<any>;
  readonly events: EventLog;
  readonly clock: Clock;
  readonly maxRuns: number;
  /** Queue that takes the runs. Without it they go on in this process. */
  readonly queued: QueuedRuns | undefined;
}

/**
 * Job: start the runs of a service, and know those that go on.
 * Boundary: the orchestrator runs them, or workers of a queue do, and the event log keeps them.
 * Invariants:
 * 1. No more than `maxRuns` go on at once; what is more is refused, not queued.
 * 2. A run that is refused rejects before it has an id.
 * 3. A client names runs and keys inside its own name alone, and raises no ceiling.
 * 4. The end of the service ends no run of a queue.
 */
export class LiveRuns {
  readonly #parts: LiveRunsParts;
  readonly #controls = new Set<AbortController>();
  readonly #going = new Map<string, Set<LiveRun>>();
  /** Let go of runs of the queue, which go on. */
  readonly #leaving = new Set<{ readonly isAwaited: boolean; readonly leave: () => void }>();
  #onIdle: (() => void) | undefined;
  #isClosing = false;

  constructor(parts: LiveRunsParts) {
    this.#parts = parts;
  }

  /** True until the service closes. */
  get isOpen(): boolean {
    return !this.#isClosing;
  }

  /**
   * Starts a run, and waits until it is known not to be refused.
   *
   * @param signal whose abort cancels the run
   * @throws RequestFault where the service is full or closes, or a model cannot be asked; what a refused run rejects with
   */
  async start(asked: AskedRun, caller: Caller, signal?: AbortSignal | undefined): Promise<LiveRun> {
    const { maxRuns } = this.#parts;
    // The models of a queued run are its worker's.
    if (!this.#parts.queued) await assertModels([asked.tool, ...(asked.fallbackTools ?? [])]);
    if (this.#isClosing) throw new RequestFault(503, "CLOSING", "The service is about to end. Ask again.", retryAfter);
    if (this.#controls.size >= maxRuns) {
      const detail = `${maxRuns} runs go on, which is as many as this service takes. Ask again after the seconds of Retry-After.`;
      throw new RequestFault(429, "BUSY", detail, retryAfter);
    }
    const control = new AbortController();
    const leave = () => control.abort(new Error("the client left"));
    if (signal?.aborted) leave();
    signal?.addEventListener("abort", leave, { once: true });
    this.#controls.add(control);
    const output = Promise.withResolvers<OrchestrationOutput>();
    const end = () => {
      signal?.removeEventListener("abort", leave);
      this.#controls.delete(control);
      if (this.#controls.size === 0) this.#onIdle?.();
    };
    output.promise.then(end, end);
    const run = underCeilings(asked, this.#parts.orchestrator.runDefaults);
    const { idempotencyKey } = asked;
    const prefix = prefixOf(caller);
    const names = { prefix, key: idempotencyKey === undefined ? undefined : prefix + idempotencyKey };
    try {
      const start = { caller, control, output, isAwaited: signal !== undefined };
      return (await this.#submit(run, names, start)) ?? (await this.#startHere(run, names, start));
    } catch (error) {
      const seen = errorFor(error, caller);
      output.promise.catch(() => {});
      output.reject(seen);
      throw seen;
    }
  }

  /**
   * Puts a run into the queue. Resolves with nothing where there is no queue, and for a key that has its output: it is replayed
   * here.
   */
  async #submit(
    asked: AskedRun,
    names: QueuedNames,
    { caller, control, output, isAwaited }: Start,
  ): Promise<LiveRun | undefined> {
    const { queued } = this.#parts;
    const put = await queued?.submit(asked, names);
    if (!queued || !put) return undefined;
    const { runId, key, output: ended } = put;
    const cancel = (reason: string) => control.abort(new Error(reason));
    const seen = output.promise.then((given) => outputFor(given, runId, caller));
    const live: LiveRun = { runId, output: seen, cancel };
    this.#keep(live);
    const leaving = {
      isAwaited,
      leave: () => {
        const detail = `The service is about to end, and the run goes on in the queue. GET /v1/runs/${runId} tells of it.`;
        output.reject(new RequestFault(503, "CLOSING", detail, retryAfter));
      },
    };
    this.#leaving.add(leaving);
    const settle = () => void this.#leaving.delete(leaving);
    output.promise.then(settle, settle);
    const end = async () => {
      const others = this.#going.get(runId);
      others?.delete(live);
      const { message } = control.signal.reason as Error;
      if (!others?.size) await queued.cancel(runId, key, message).catch(() => false);
      output.reject(new CancelledError(control.signal.reason));
    };
    control.signal.addEventListener("abort", () => void end(), { once: true });
    if (control.signal.aborted) void end();
    ended.then(output.resolve, output.reject);
    return live;
  }

  async #startHere(
    { options, idempotencyKey: _, ...asked }: AskedRun,
    { prefix, key }: QueuedNames,
    { caller, control, output: { promise: output, resolve, reject } }: Start,
  ): Promise<LiveRun> {
    const { orchestrator, clock } = this.#parts;
    const requestId = prefix + createId();
    const accepted = Promise.withResolvers<void>();
    // A bundle finds its model and its schema before it asks for the first answer.
    const undecided = metadataOf(asked.tool).supportsBundle ? beforeAnswers : endings;
    let [hasBegun, isLate] = [false, false];
    const onEvent = ({ type }: OrchestrationEvent) => {
      if (hasBegun ? !undecided.has(type) : isLate) accepted.resolve();
      hasBegun = true;
    };
    const run = { ...asked, options: { ...options, requestId, ...(key !== undefined && { idempotencyKey: key }) } };
    orchestrator
      .run({ ...run, onEvent, signal: control.signal } as any)
      .then(resolve as any, (error) => reject(errorFor(error, caller)));
    output.then(() => accepted.resolve(), accepted.reject);
    const hurry = () => {
      isLate = true;
      if (hasBegun) accepted.resolve();
    };
    await accepted.promise.finally(schedule(clock, hurry, graceMs));
    const runId = await this.#locate(requestId, key, output);
    const seen = output.then((given) => outputFor(given, runId, caller));
    const live = { runId, output: seen, cancel: (reason: string) => control.abort(new Error(reason)) };
    this.#keep(live);
    return live;
  }

  /** Finds the run that a request has become in the log: its own, or one of the same key that it continues or waits for. */
  async #locate(requestId: string, key: string | undefined, output: Promise<OrchestrationOutput>): Promise<string> {
    const { events, clock } = this.#parts;
    // A run that continues another has its own request id, and ends in the log of the other.
    const isEndOf = async (runId: string, ended: OrchestrationOutput | undefined) =>
      ended !== undefined && (await events.find(runId))?.output?.requestId === ended.requestId;
    let settled: OrchestrationOutput | undefined;
    output.then(
      (given) => {
        settled = given;
      },
      () => {},
    );
    try {
      for (const pauseMs of looksMs) {
        if (await events.find(requestId)) return requestId;
        const latest = key === undefined ? undefined : (await events.list({ key, limit: 1 })).runs[0];
        if (latest && (!isEnd(latest.status) || (await isEndOf(latest.runId, settled)))) return latest.runId;
        if (settled) return settled.requestId;
        await clock.sleep(pauseMs);
      }
    } catch {
      // A log that cannot be read ends no run.
    }
    return requestId;
  }

  #keep(live: LiveRun): void {
    const callers = this.#going.get(live.runId) ?? new Set();
    this.#going.set(live.runId, callers.add(live));
    const leave = () => {
      callers.delete(live);
      if (callers.size === 0) this.#going.delete(live.runId);
    };
    live.output.then(leave, leave);
  }

  /**
   * Cancels a run that goes on here or in the queue, and waits for its end.
   *
   * @returns false where it does neither
   */
  async cancel({ runId, key }: Pick<LoggedRun, "runId" | "key">, reason: string): Promise<boolean> {
    const callers = [...(this.#going.get(runId) ?? [])];
    for (const live of callers) live.cancel(reason);
    await Promise.allSettled(callers.map(({ output }) => output));
    if (callers.length > 0) return true;
    return key !== undefined && ((await this.#parts.queued?.cancel(runId, key, reason)) ?? false);
  }

  /** Takes no more runs, and resolves once none goes on. */
  close(): Promise<void> {
    this.#isClosing = true;
    for (const { isAwaited, leave } of this.#leaving) if (!isAwaited) leave();
    if (this.#controls.size === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    return promise;
  }

  /** Cancels every run that goes on here, and lets go of those of the queue; returns the number of the former. */
  cancelAll(reason: string): number {
    if (this.#parts.queued) {
      for (const { leave } of this.#leaving) leave();
      return 0;
    }
    const going = [...this.#controls];
    for (const control of going) control.abort(new Error(reason));
    return going.length;
  }
}

/** A service names the models itself: a fault in one is never its client's, who is told of none of it. */
async function assertModels(tools: readonly AnyTool[]): Promise<void> {
  try {
    await findModels(tools);
  } catch (cause) {
    const detail = "The service cannot ask the model of this tool. Its operator has to mend that; its log says what.";
    throw new RequestFault(500, "INTERNAL", detail, { "x-should-retry": "false" }, { cause });
  }
}
