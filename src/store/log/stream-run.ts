import { CancelledError, ToolExecutionError } from "../../contract/errors.ts";
import type { OrchestrationEvent } from "../../contract/event.ts";
import type { OrchestrationOutput } from "../../contract/output.ts";
import type { OrchestrationStream } from "../../contract/run.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { InvalidOptionsError } from "../../core/errors.ts";
import { CancelScope, onAbort } from "../../core/signal.ts";
import { type EventLog, isEnd } from "./event-log.ts";

/** Part of a run that is wanted. */
export interface StreamRunOptions {
  /** Only events after this number: the last one that was seen. Default: all. */
  readonly afterSeq?: number | undefined;
  /** Its abort ends the reading, and not the run. */
  readonly signal?: AbortSignal | undefined;
  /** Default: the real clock. */
  readonly clock?: Clock | undefined;
}

/** Events of a run that a log has, and will have. */
export interface LoggedRunStream<C = unknown> extends OrchestrationStream<C> {
  readonly runId: string;
  /** Ends the reading; the run goes on. */
  cancel(reason?: unknown): void;
}

/**
 * Streams a run out of its log, from its first event or after one: a run of another process or of another machine, or one from
 * before a restart. No event is missing and none comes twice. The loop waits for events of a run that goes on, also for a run
 * under a key whose process has died: the run that continues it is the same. Events are read as the loop asks for them, so a
 * slow reader holds none.
 *
 * The loop rejects with a `CancelledError` where the run is not in the log, or its process ended before it did and no key lets
 * another continue it.
 *
 * @example
 * ```ts
 * for await (const event of streamRun(events, runId, { afterSeq: 17 })) console.log(event.seq, event.type);
 * ```
 */
export function streamRun<C = unknown>(
  log: EventLog,
  runId: string,
  { afterSeq = -1, signal, clock = systemClock }: StreamRunOptions = {},
): LoggedRunStream<C> {
  if (!Number.isInteger(afterSeq) || afterSeq < -1)
    throw new InvalidOptionsError([{ path: "afterSeq", given: afterSeq, allowed: "a whole number of at least -1" }]);
  const scope = new CancelScope();
  const stopFollowing = signal && onAbort(signal, () => scope.abort(new CancelledError(signal.reason)));
  const cancel = (reason: unknown = "stream.cancel() was called") => scope.abort(new CancelledError(reason));
  const events = followRun(log, runId, { afterSeq, scope, clock });
  let output: Promise<OrchestrationOutput<C>> | undefined;
  return {
    runId,
    cancel,
    get output() {
      output ??= outputOf(log, runId, scope, clock).finally(() => stopFollowing?.()) as Promise<OrchestrationOutput<C>>;
      output.catch(() => {});
      return output;
    },
    async *[Symbol.asyncIterator]() {
      let isLeft = true;
      try {
        yield* events as AsyncGenerator<OrchestrationEvent<C>, void>;
        isLeft = false;
      } finally {
        stopFollowing?.();
        if (isLeft) cancel("the loop over the stream was left");
      }
    },
    async [Symbol.asyncDispose]() {
      stopFollowing?.();
      cancel("the stream was disposed of");
    },
  };
}

/** Longest time without a look at the log: a wake-up may be lost. */
const lookMs = 2_000;

interface FollowOptions {
  readonly afterSeq: number;
  readonly scope: CancelScope;
  readonly clock: Clock;
}

/** Gives the events of a run as the log gets them, up to the last one. */
async function* followRun(
  log: EventLog,
  runId: string,
  { afterSeq, scope, clock }: FollowOptions,
): AsyncGenerator<OrchestrationEvent, void> {
  const wakeUp = new WakeUp(log, runId);
  let seq = afterSeq;
  let hasCome = false;
  try {
    for (;;) {
      wakeUp.reset();
      const events = await scope.race(log.read(runId, seq));
      for (const event of events) {
        seq = event.seq;
        yield event;
        if (event.type === "run_completed" || event.type === "run_failed" || event.type === "cancelled") return;
      }
      if (events.length > 0) continue;
      if (!hasCome) {
        const { status, lastSeq } = await scope.race(assertGoesOn(log, runId));
        if (lastSeq > seq) continue;
        if (isEnd(status)) return;
      }
      hasCome = await wakeUp.came(clock, scope);
    }
  } finally {
    wakeUp.end();
  }
}

/** Wakes a reader of one run. */
class WakeUp {
  readonly #end: () => void;
  #hasCome = false;
  #wake = () => {};

  constructor(log: EventLog, runId: string) {
    this.#end = log.watch((runIds) => {
      if (!runIds.has(runId)) return;
      this.#hasCome = true;
      this.#wake();
    });
  }

  reset(): void {
    this.#hasCome = false;
  }

  /** Resolves with true once the run has news since the last `reset`, and with false after `lookMs`. */
  async came(clock: Clock, scope: CancelScope): Promise<boolean> {
    if (this.#hasCome) return true;
    const awake = new AbortController();
    this.#wake = () => awake.abort();
    const waiting = clock.sleep(lookMs, { signal: awake.signal }).catch(() => {});
    await scope.race(waiting).finally(() => awake.abort());
    return this.#hasCome;
  }

  end(): void {
    this.#end();
  }
}

async function assertGoesOn(log: EventLog, runId: string) {
  const run = await log.find(runId);
  if (!run) throw new CancelledError(`the event log has no run ${runId}`);
  if (run.status === "abandoned" && run.key === undefined)
    throw new CancelledError(`the process of run ${runId} ended before the run did`);
  return run;
}

/** Waits for the end of a run, and gives its output. */
async function outputOf(log: EventLog, runId: string, scope: CancelScope, clock: Clock): Promise<OrchestrationOutput> {
  const { lastSeq } = await scope.race(assertGoesOn(log, runId));
  // A run that waits for a worker has no event yet.
  const afterSeq = Math.max(-1, lastSeq - 1);
  for await (const event of followRun(log, runId, { afterSeq, scope, clock })) {
    if (event.type === "cancelled") throw new CancelledError(event.reason);
    if (event.type === "run_completed") return event.output;
    if (event.type !== "run_failed") continue;
    if (event.output) return event.output;
    throw new ToolExecutionError(event.source, Object.assign(new Error(event.error.message), event.error));
  }
  throw new CancelledError(`run ${runId} has no end`);
}
