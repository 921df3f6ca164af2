import type { EventType, OrchestrationEvent } from "../contract/event.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import type { AnyTool } from "../contract/tool.ts";
import { type Clock, schedule } from "../core/clock.ts";
import { createId } from "../core/random.ts";
import type { ReliableOrchestrator } from "../orchestrate/reliable-orchestrator.ts";
import { metadataOf } from "../tool/registry.ts";
import type { Caller } from "./access.ts";
import { RequestFault } from "./problem.ts";

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
  readonly runId: string;
  readonly output: Promise<OrchestrationOutput>;
  /** Ends the run, and with it the provider's calls. */
  cancel(reason: string): void;
}

/** Events after which a run may be refused yet. */
const endings: ReadonlySet<EventType> = new Set<EventType>(["run_failed", "cancelled"]);
const beforeAnswers: ReadonlySet<EventType> = new Set<EventType>([...endings, "tool_started", "warning", "error"]);
/** Longest wait to learn that a run is refused. */
const graceMs = 1_000;
/** Seconds after which a client that was sent away may ask again. */
const retryAfter = { "retry-after": "1" };

/**
 * Job: start the runs of a service, and know those that go on.
 * Boundary: the orchestrator runs them, and its event log keeps them.
 * Invariants:
 * 1. No more than `maxRuns` go on at once; what is more is refused, not queued.
 * 2. A run that is refused rejects before it has an id.
 * 3. A client names runs and keys inside its own name alone.
 */
export class LiveRuns {
  readonly #orchestrator: ReliableOrchestrator<any>;
  readonly #clock: Clock;
  readonly #maxRuns: number;
  readonly #going = new Map<string, LiveRun>();
  #started = 0;
  #isClosing = false;
  #onIdle: (() => void) | undefined;

  constructor(orchestrator: ReliableOrchestrator<any>, { clock, maxRuns }: { clock: Clock; maxRuns: number }) {
    this.#orchestrator = orchestrator;
    this.#clock = clock;
    this.#maxRuns = maxRuns;
  }

  /** True until the service closes. */
  get isOpen(): boolean {
    return !this.#isClosing;
  }

  /**
   * Starts a run, and waits until it is known not to be refused.
   *
   * @param signal whose abort cancels the run
   * @throws RequestFault where the service is full or closes; what a refused run rejects with
   */
  async start(asked: AskedRun, caller: Caller, signal?: AbortSignal | undefined): Promise<LiveRun> {
    if (this.#isClosing) throw new RequestFault(503, "CLOSING", "The service is about to end. Ask again.", retryAfter);
    if (this.#started >= this.#maxRuns) {
      const detail = `${this.#maxRuns} runs go on, which is as many as this service takes. Ask again after the seconds of Retry-After.`;
      throw new RequestFault(429, "BUSY", detail, retryAfter);
    }
    const control = new AbortController();
    const follow = () => control.abort(new Error("the client left"));
    if (signal?.aborted) follow();
    signal?.addEventListener("abort", follow, { once: true });
    this.#started++;
    const end = () => {
      signal?.removeEventListener("abort", follow);
      this.#started--;
      if (this.#started === 0) this.#onIdle?.();
    };
    try {
      return await this.#startUnder(asked, caller, control, end);
    } catch (error) {
      end();
      throw error;
    }
  }

  async #startUnder(asked: AskedRun, caller: Caller, control: AbortController, onEnd: () => void): Promise<LiveRun> {
    const { idempotencyKey: key, options, ...run } = asked;
    const prefix = prefixOf(caller);
    const accepted = Promise.withResolvers<void>();
    let runId = "";
    let isLate = false;
    // A bundle finds its model and its schema before it asks for the first answer.
    const undecided = metadataOf(asked.tool).supportsBundle ? beforeAnswers : endings;
    const onEvent = (event: OrchestrationEvent) => {
      const isFirst = runId === "";
      runId = event.requestId;
      if (isFirst ? isLate : !undecided.has(event.type)) accepted.resolve();
    };
    const output = this.#orchestrator.run({
      ...run,
      options: {
        ...options,
        requestId: prefix + createId(),
        ...(key !== undefined && { idempotencyKey: prefix + key }),
      },
      onEvent,
      signal: control.signal,
    } as any) as Promise<OrchestrationOutput>;
    output.then(() => accepted.resolve(), accepted.reject);
    const stopWaiting = schedule(
      this.#clock,
      () => {
        isLate = true;
        if (runId !== "") accepted.resolve();
      },
      graceMs,
    );
    await accepted.promise.finally(stopWaiting);
    const live: LiveRun = { runId, output, cancel: (reason) => control.abort(new Error(reason)) };
    this.#going.set(runId, live);
    const leave = () => {
      if (this.#going.get(runId) === live) this.#going.delete(runId);
      onEnd();
    };
    output.then(leave, leave);
    return live;
  }

  /** The run of an id, where it goes on here. */
  find(runId: string): LiveRun | undefined {
    return this.#going.get(runId);
  }

  /** Takes no more runs, and resolves once none goes on. */
  close(): Promise<void> {
    this.#isClosing = true;
    if (this.#started === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onIdle = resolve;
    return promise;
  }

  /** Cancels every run that goes on; returns their number. */
  cancelAll(reason: string): number {
    const going = [...this.#going.values()];
    for (const live of going) live.cancel(reason);
    return going.length;
  }
}

/** Begins the ids and the keys of a client's runs. */
export function prefixOf({ name }: Caller): string {
  return name === "" ? "" : `${name}.`;
}
