import { ToolExecutionError } from "../contract/errors.ts";
import type { OrchestrationOutput, OutputError } from "../contract/output.ts";
import { type Clock, schedule, timestamp } from "../core/clock.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import { createId } from "../core/random.ts";
import { fingerprintRun } from "../orchestrate/key/run-fingerprint.ts";
import type { ReliableOrchestrator } from "../orchestrate/reliable-orchestrator.ts";
import { assertSameJob, jobIdOf } from "../queue/engine-rules.ts";
import { jobOf } from "../queue/fleet.ts";
import type { RunJob, RunQueue } from "../queue/run-queue.ts";
import { type EventLog, isEnd, type LoggedRunDetails, type RunFacts } from "../store/log/event-log.ts";
import { streamRun } from "../store/log/stream-run.ts";
import { activeTraceId } from "../telemetry/opentelemetry.ts";
import type { AskedRun } from "./live-runs.ts";
import { faultElsewhere } from "./problem.ts";

/** Parts of a service that its queued runs need. */
export interface QueuedRunsParts {
  readonly queue: RunQueue;
  readonly orchestrator: ReliableOrchestrator<any>;
  readonly events: EventLog;
  readonly clock: Clock;
}

/** Names under which a run is put in. */
export interface QueuedNames {
  /** Begins the run's id. */
  readonly prefix: string;
  /** Idempotency key, where the client gave one. */
  readonly key: string | undefined;
}

/** A run in the queue. */
export interface QueuedRun {
  readonly runId: string;
  readonly key: string;
  readonly output: Promise<OrchestrationOutput>;
}

/** Pauses between two looks into the queue: the event log tells most ends by itself. */
const firstLookMs = 2_000;
const longestLookMs = 10_000;
/** Longest wait for a worker to end a run that was cancelled. */
const cancelMs = 3_000;

/**
 * Job: put the runs of a service into a queue, and follow them in the event log.
 * Boundary: workers execute them; the queue and the store say what became of them.
 * Invariants:
 * 1. A run is in the event log before it is in the queue: it is found, listed and followed while it waits.
 * 2. Runs of one key that are put in at once, in whatever processes, are one run of one id.
 * 3. A run whose job has left the queue gets its end in the log, also where no worker could write it.
 */
export class QueuedRuns {
  readonly #parts: QueuedRunsParts;
  readonly #closing = new AbortController();

  constructor(parts: QueuedRunsParts) {
    this.#parts = parts;
  }

  /**
   * Puts a run in. Resolves with nothing for a key that has its output: it is to be replayed.
   *
   * @throws InvalidOptionsError, ConflictError for a key of another request, StoreError
   */
  async submit(
    { tool, request, toolOptions, options, fallbackTools }: AskedRun,
    names: QueuedNames,
  ): Promise<QueuedRun | undefined> {
    const { queue, orchestrator, events } = this.#parts;
    const kept = async () => (names.key === undefined ? undefined : orchestrator.keptOutput(names.key));
    // In this order: a run that the log knows to have ended has its output in the store.
    const requestId = await this.#idFor(names);
    if (await kept()) return undefined;
    if (fallbackTools) {
      const message = "fallbackTools is not for a run of a queue. Start the other tool where this one has failed.";
      throw new InvalidOptionsError([
        { path: "fallbackTools", given: fallbackTools.length, allowed: "nothing", message },
      ]);
    }
    const { key = requestId } = names;
    const traceId = (options?.["traceId"] as string | undefined) ?? activeTraceId() ?? requestId;
    const run = { tool, request, toolOptions, options: { ...options, requestId, traceId, idempotencyKey: key } };
    await orchestrator.assertRunnable(run);
    const job = jobOf(run, orchestrator);
    const held = names.key === undefined ? undefined : await queue.find(key);
    if (held && held.state !== "dead") assertSameJob(held.job, job);
    const { runId, nextSeq } = await events.open({ ...namesOf(job), requestId, traceId, writer: "" });
    // The run of the key may have ended since: no worker would begin another one.
    const ended = await kept();
    if (nextSeq === 0 && ended) await this.#endWaiting(runId, endOf(ended));
    if (ended) return undefined;
    if (nextSeq === 0) {
      const facts = { toolName: tool.name, status: "running" } as const;
      await events.append([{ runId, writer: "", firstSeq: 0, events: [], facts }]);
    }
    try {
      await queue.enqueue([job]);
    } catch (error) {
      const end = { type: "cancelled", reason: "it could not be put into the queue" } as const;
      await this.#endWaiting(runId, end).catch(() => {});
      throw error;
    }
    const output = this.#outputOf(runId, job);
    output.catch(() => {});
    return { runId, key, output };
  }

  /** Cancels a run, wherever it goes on, and waits for its end. Resolves with false where the queue has none of the key. */
  async cancel(runId: string, key: string, reason: string): Promise<boolean> {
    const { queue, events, clock } = this.#parts;
    const job = (await queue.find(key))?.job;
    if (!job || !(await queue.cancel(key))) return false;
    if (await this.#endWaiting(runId, { type: "cancelled", reason })) return true;
    const late = new AbortController();
    const stop = schedule(clock, () => late.abort(), cancelMs);
    await streamRun(events, runId, { signal: late.signal, clock }).output.catch(() => {});
    stop();
    if (late.signal.aborted) await this.#end(runId, job, { type: "cancelled", reason });
    return true;
  }

  /** Follows no run any more. */
  close(): void {
    this.#closing.abort(new Error("the service has closed"));
  }

  /** Processes that put one key in at once have to agree on the id. */
  async #idFor({ prefix, key }: QueuedNames): Promise<string> {
    if (key === undefined) return prefix + createId();
    const [latest] = (await this.#parts.events.list({ key, limit: 1 })).runs;
    if (latest && !isEnd(latest.status)) return latest.runId;
    return prefix + jobIdOf(JSON.stringify([key, latest?.runId]));
  }

  /** Reads the end of a run in the log. Where the log does not get it, the queue and the store tell. */
  async #outputOf(runId: string, job: RunJob): Promise<OrchestrationOutput> {
    const { events, clock } = this.#parts;
    const { signal } = this.#closing;
    const logged = streamRun(events, runId, { signal, clock }).output;
    const done = new AbortController();
    const stop = () => done.abort();
    logged.then(stop, stop);
    const left = AbortSignal.any([signal, done.signal]);
    const kept = this.#endOf(runId, job, left).catch(() => undefined);
    try {
      return await Promise.race([logged, kept.then((output) => output ?? logged)]);
    } catch (error) {
      throw (ToolExecutionError.isInstance(error) && faultElsewhere(error.error as OutputError)) || error;
    }
  }

  /** Waits until the job has left the queue, ends its run in the log, and gives what the store keeps of it. */
  async #endOf(runId: string, job: RunJob, signal: AbortSignal): Promise<OrchestrationOutput | undefined> {
    const { queue, orchestrator, clock } = this.#parts;
    let hasLeft = false;
    for (let waitMs = firstLookMs; ; waitMs = Math.min(longestLookMs, waitMs * 1.5)) {
      await clock.sleep(waitMs, { signal });
      const held = await queue.find(job.key).catch(() => ({ state: "unknown" }) as const);
      const isGone = held === undefined || held.state === "dead";
      // A worker that has ended its job just now is still writing.
      if (!isGone || !hasLeft) hasLeft = isGone;
      else {
        const output = await orchestrator.keptOutput(job.key);
        if (output) await this.#end(runId, job, endOf(output));
        else if (held?.state === "dead") await this.#end(runId, job, { type: "run_failed", error: held.error });
        else await this.#end(runId, job, { type: "cancelled", reason: "its job has left the queue" });
        return output;
      }
    }
  }

  /** Ends a run that no worker has begun. Resolves with false where one has. */
  async #endWaiting(runId: string, end: RunEnd): Promise<boolean> {
    const run = await this.#parts.events.find(runId);
    return run !== undefined && run.lastSeq < 0 && this.#append(run, "", end);
  }

  /** Gives a run its end in the log, in place of the worker that it had. */
  async #end(runId: string, job: RunJob, end: RunEnd): Promise<void> {
    const { events } = this.#parts;
    const run = await events.find(runId);
    if (!run || isEnd(run.status)) return;
    const { requestId, traceId } = run;
    const writer = createId();
    const opened = await events.open({ ...namesOf(job), requestId, traceId, writer });
    if (opened.runId === runId) await this.#append({ ...run, lastSeq: opened.nextSeq - 1 }, writer, end);
  }

  async #append(run: LoggedRunDetails, writer: string, end: RunEnd): Promise<boolean> {
    const { events, clock } = this.#parts;
    const { runId, requestId, traceId, toolName, lastSeq, confidence, costUsd } = run;
    const seq = lastSeq + 1;
    const event = { seq, timestamp: timestamp(clock), traceId, requestId, source: toolName, attempt: 1, ...end };
    const facts: RunFacts = {
      toolName,
      status: statusAfter(end),
      ...(confidence !== undefined && { confidence }),
      ...(costUsd !== undefined && { costUsd }),
    };
    const refused = await events.append([{ runId, writer, firstSeq: seq, events: [JSON.stringify(event)], facts }]);
    return refused.length === 0;
  }
}

type RunEnd =
  | { readonly type: "cancelled"; readonly reason: string }
  | { readonly type: "run_completed"; readonly output: OrchestrationOutput }
  | {
      readonly type: "run_failed";
      readonly error: OutputError;
      readonly output?: OrchestrationOutput | undefined;
    };

function statusAfter(end: RunEnd): RunFacts["status"] {
  if (end.type === "run_completed") return end.output.status;
  return end.type === "cancelled" ? "cancelled" : "failed";
}

/** Names by which the worker of a job continues its run. */
function namesOf({ key, request, toolName, toolOptions }: RunJob) {
  return { key, fingerprint: fingerprintRun({ request, toolName, toolOptions, agents: undefined }) };
}

function endOf(output: OrchestrationOutput): RunEnd {
  if (output.status !== "failed") return { type: "run_completed", output };
  return { type: "run_failed", output, error: Object.values(output.errors).at(-1) as OutputError };
}
