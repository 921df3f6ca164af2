import type { BundleToolOptions } from "../contract/bundle-options.ts";
import { automaticKey, type OrchestrationConfig } from "../contract/config.ts";
import { CancelledError, ToolExecutionError, ToolNotFoundError } from "../contract/errors.ts";
import type { OrchestrationEvent } from "../contract/event.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import type { NameOf, Picked, RunParams } from "../contract/run.ts";
import type { AnyTool, ContentOf } from "../contract/tool.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import type { JSONValue } from "../core/json.ts";
import { createId } from "../core/random.ts";
import type { RateLimits } from "../guard/limits.ts";
import type { Pacer } from "../guard/pacer.ts";
import { fingerprintRun, keyByFingerprint } from "../orchestrate/key/run-fingerprint.ts";
import type { ReliableOrchestrator } from "../orchestrate/reliable-orchestrator.ts";
import { asJsonData } from "../schema/json-data.ts";
import { isEnd } from "../store/log/event-log.ts";
import { streamRun } from "../store/log/stream-run.ts";
import type { PostgresClient } from "../store/postgres-connection.ts";
import { runJob } from "./run-job.ts";
import type { QueuedTool, QueueWorker, RunJob, RunQueue } from "./run-queue.ts";

/** Parts of a fleet. */
export interface FleetSettings<Tools = {}> {
  readonly queue: RunQueue;
  /** Its tools are those that this process offers and works on, and its store is where outputs are found. */
  readonly orchestrator: ReliableOrchestrator<Tools>;
  /**
   * Limits by `"provider"` or `"provider:model"` that all workers of the queue share, in place of the orchestrator's own. Give
   * all workers the same.
   */
  readonly limits?: RateLimits | undefined;
}

/** A run for a worker. */
export type SubmitParams<Tools = {}, T extends AnyTool = never, N extends string = string> = Pick<
  RunParams<Tools, T, N>,
  "tool" | "toolName" | "request" | "toolOptions" | "options"
> & {
  /** Version of a tool that this process does not have itself. Default: that of the registered tool. */
  readonly toolVersion?: string | undefined;
  /** Jobs of one group share the slots fairly with those of other groups. */
  readonly group?: string | undefined;
  /** Higher ones go first. Default: 0. */
  readonly priority?: number | undefined;
  /** W3C trace context of the caller. */
  readonly traceparent?: string | undefined;
  /** Database in whose open transaction the job is put in. */
  readonly client?: PostgresClient | undefined;
};

/** Limits of a wait. */
export interface WaitOptions {
  /** Its abort ends the wait, and not the run. */
  readonly signal?: AbortSignal | undefined;
}

/** Share of the queue that this process takes. */
export interface FleetWorkOptions {
  /** Most runs at once. Default: 10. */
  readonly concurrency?: number | undefined;
}

/** Runs on a queue, from the side of those that ask, and of those that work. */
export interface Fleet<Tools = {}> {
  /**
   * Puts a run into the queue. Its key is `options.idempotencyKey`, or a new one.
   *
   * @throws InvalidOptionsError for what is not JSON data, ToolNotFoundError, ConflictError for a key that the queue holds with
   *   another request
   */
  submit<T extends AnyTool = never, const N extends NameOf<Tools> = never>(
    params: SubmitParams<Tools, T, N>,
  ): Promise<{ readonly key: string }>;
  /**
   * Waits for the output of a run.
   *
   * @throws ToolExecutionError for a dead job, CancelledError for one that was cancelled or is not known
   */
  result<C = ContentOf<Picked<Tools, never, never>>>(
    key: string,
    options?: WaitOptions,
  ): Promise<OrchestrationOutput<C>>;
  /**
   * Streams the events of a run on whatever worker, from its first one to its last. A run that is tried again goes on with a
   * further `run_started`. Needs an event log that the workers share: `events` of the orchestrator.
   */
  stream(key: string, options?: WaitOptions): AsyncIterable<OrchestrationEvent>;
  /** Takes a run out of the queue, or aborts it on its worker. Resolves with false where there is none. */
  cancel(key: string): Promise<boolean>;
  /** Works on runs of the orchestrator's tools until the worker is drained. */
  work(options?: FleetWorkOptions): Promise<QueueWorker>;
}

/**
 * Returns a fleet: whole runs on a queue that processes on any number of machines share. The orchestrators of all of them need
 * one store, such as Postgres.
 *
 * @throws InvalidOptionsError
 *
 * @example
 * ```ts
 * const orchestrator = new ReliableOrchestrator({ store: "postgres", registry: createRegistry([triage]) });
 * const fleet = createFleet({ queue: pgBossQueue(), orchestrator });
 * const { key } = await fleet.submit({ tool: triage, request: { report }, options: { idempotencyKey: "report-17" } });
 * const output = await fleet.result(key); // where a worker runs: await fleet.work({ concurrency: 50 })
 * ```
 */
export function createFleet<Tools = {}>({ queue, orchestrator, limits }: FleetSettings<Tools>): Fleet<Tools> {
  const working = limits ? orchestrator.withPacer(sharedPacer(queue, limits)) : orchestrator;
  return {
    async submit(params) {
      const job = jobOf(params, orchestrator);
      await queue.enqueue([job], { client: params.client });
      return { key: job.key };
    },
    result: (key, options) => waitForOutput(key, { queue, orchestrator }, options) as Promise<OrchestrationOutput<any>>,
    stream: (key, options) => followJob(key, { queue, orchestrator }, options),
    cancel: (key) => queue.cancel(key),
    work: ({ concurrency = 10 } = {}) => {
      const tools = toolsOf(orchestrator);
      return queue.work((job, control) => runJob(working, job, control), { concurrency, tools });
    },
  };
}

function sharedPacer(queue: RunQueue, limits: RateLimits): Pacer {
  if (queue.pacer) return queue.pacer(limits);
  const message = "limits needs a queue with a pacer, and this one has none. Give the orchestrator a pacer of its own.";
  throw new InvalidOptionsError([{ path: "limits", given: limits, allowed: "nothing for this queue", message }]);
}

function toolsOf({ registry }: ReliableOrchestrator<any>): readonly QueuedTool[] {
  return Object.entries(registry.list()).map(([name, { version }]) => ({ name, version }));
}

type Parts = Pick<FleetSettings<any>, "queue" | "orchestrator">;

/** Makes the job of a run. @throws InvalidOptionsError for what is not JSON data, ToolNotFoundError */
export function jobOf(params: SubmitParams<any, any, any>, { registry }: ReliableOrchestrator<any>): RunJob {
  const { tool: given, toolName = given?.name ?? "", group, priority, traceparent } = params;
  const tool: AnyTool | undefined = given ?? registry.get(toolName);
  const toolVersion = params.toolVersion ?? tool?.version;
  if (toolVersion === undefined) throw new ToolNotFoundError(toolName, Object.keys(registry.list()));
  const request = jsonOf(params.request, "request") as JSONValue;
  const toolOptions = jsonOf(params.toolOptions, "toolOptions") as BundleToolOptions | undefined;
  const options = jsonOf(params.options, "options") as OrchestrationConfig | undefined;
  const { idempotencyKey = createId(), ...others } = options ?? {};
  const asked = { request, toolName, toolOptions, agents: undefined };
  const key = idempotencyKey === automaticKey ? keyByFingerprint(fingerprintRun(asked), tool) : idempotencyKey;
  return {
    key,
    toolName,
    toolVersion,
    request,
    ...(toolOptions !== undefined && { toolOptions }),
    ...(Object.keys(others).length > 0 && { options: others }),
    ...(group !== undefined && { group }),
    ...(priority !== undefined && { priority }),
    ...(traceparent !== undefined && { traceparent }),
  };
}

/** A job crosses to other processes: what JSON does not say, its worker would not know. */
function jsonOf(given: unknown, path: string): JSONValue | undefined {
  if (given === undefined) return undefined;
  const data = asJsonData(given);
  if (data !== undefined) return data;
  const message = `${path} is not JSON data, so no worker could be given it. Put schemas and functions into the tool.`;
  throw new InvalidOptionsError([{ path, given, allowed: "JSON data", message }]);
}

const firstLookMs = 25;
const longestLookMs = 1_000;
/** Time for which a store or a queue may be away while a caller waits. */
const awayMs = 60_000;

/** Looks at store and queue, ever less often, until one of them knows the end. */
async function waitForOutput(
  key: string,
  { queue, orchestrator }: Parts,
  { signal }: WaitOptions = {},
): Promise<OrchestrationOutput> {
  const { clock } = orchestrator;
  let seenMs = clock.now();
  for (let waitMs = firstLookMs; ; waitMs = Math.min(longestLookMs, waitMs * 1.5)) {
    const look = async () => {
      const output = await orchestrator.keptOutput(key);
      if (output) return { output };
      const job = await queue.find(key);
      // It may have ended between the two looks.
      return { job, output: job ? undefined : await orchestrator.keptOutput(key) };
    };
    const seen = await look().catch((error) => {
      if (clock.now() - seenMs > awayMs) throw error;
      return undefined;
    });
    if (seen) {
      const { output, job } = seen;
      seenMs = clock.now();
      if (output) return output;
      if (!job) throw unknownJob(key);
      if (job.state === "dead") throw deathOf(job.job, Object.assign(new Error(job.error.message), job.error));
    }
    await clock.sleep(waitMs, { signal });
  }
}

async function* followJob(
  key: string,
  { queue, orchestrator }: Parts,
  { signal }: WaitOptions = {},
): AsyncGenerator<OrchestrationEvent, void> {
  const { clock, eventLog } = orchestrator;
  if (!eventLog) {
    const message = "fleet.stream reads an event log that the workers share. Give the orchestrator `events`.";
    throw new InvalidOptionsError([{ path: "orchestrator", given: orchestrator, allowed: "one with events", message }]);
  }
  let seen: string | undefined;
  for (let waitMs = firstLookMs; ; waitMs = Math.min(longestLookMs, waitMs * 1.5)) {
    const job = await queue.find(key);
    const [run] = (await eventLog.list({ key, limit: 1 })).runs;
    if (run && run.runId !== seen) {
      seen = run.runId;
      yield* streamRun(eventLog, run.runId, { signal, clock });
      waitMs = firstLookMs;
    } else if (!job && run && isEnd(run.status)) return;
    else if (!job && !run) throw unknownJob(key);
    else if (job?.state === "dead") return;
    await clock.sleep(waitMs, { signal });
  }
}

function unknownJob(key: string): CancelledError {
  return new CancelledError(`neither queue nor store has a run of key ${key}: it was cancelled, or never submitted`);
}

function deathOf({ toolName }: RunJob, error: Error): ToolExecutionError {
  return new ToolExecutionError(toolName, error);
}
