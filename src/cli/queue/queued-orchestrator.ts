import { ToolExecutionError } from "../../contract/errors.ts";
import type { OrchestrationOutput, OutputError } from "../../contract/output.ts";
import type { AnyTool } from "../../contract/tool.ts";
import { zeroUsage } from "../../contract/usage.ts";
import type { JobTry } from "../../orchestrate/job/job-input.ts";
import { ReliableOrchestrator } from "../../orchestrate/reliable-orchestrator.ts";
import type { GivenRun } from "../../orchestrate/run-params.ts";
import { pgBossQueue } from "../../queue/boss/pg-boss-queue.ts";
import { createFleet, type Fleet } from "../../queue/fleet.ts";
import type { RunQueue } from "../../queue/run-queue.ts";
import { PostgresEventLog } from "../../store/log/postgres-log.ts";
import { PostgresStore } from "../../store/postgres.ts";
import { createRegistry } from "../../tool/registry.ts";

/** Store, queue and event log that workers share, in one Postgres. */
export interface SharedPlace {
  readonly queue: RunQueue;
  readonly store: PostgresStore;
  readonly events: PostgresEventLog;
  close(): Promise<void>;
}

/** @param url address of the Postgres; without it, what DATABASE_URL says */
export function openSharedPlace(url: string | undefined): SharedPlace {
  const address = { connectionString: url };
  const place = {
    queue: pgBossQueue(address),
    store: new PostgresStore(address),
    events: new PostgresEventLog(address),
  };
  return { ...place, close: async () => void (await Promise.all(Object.values(place).map((part) => part.close()))) };
}

/**
 * Lets workers run what a job asks for. A request is known by what it asks, so a job that is started again finds what was
 * answered meanwhile, and asks nothing twice.
 */
export class QueuedOrchestrator extends ReliableOrchestrator {
  readonly #fleet: Fleet;

  constructor({ queue, store }: SharedPlace, tool: AnyTool) {
    super({ store, registry: createRegistry([tool]) });
    this.#fleet = createFleet({ queue, orchestrator: this });
  }

  override async runTry(params: GivenRun, jobTry: JobTry): Promise<OrchestrationOutput> {
    const { tool, request, toolOptions, options, signal } = params as Record<string, any>;
    const leaving = new AbortController();
    jobTry.cancel = (reason) => leaving.abort(reason);
    const keyed = { ...options, idempotencyKey: "auto" };
    const { key } = await this.#fleet.submit({ tool, request, toolOptions, options: keyed });
    try {
      return await this.#fleet.result(key, { signal: AbortSignal.any([signal, leaving.signal]) });
    } catch (error) {
      if (!ToolExecutionError.isInstance(error)) throw error;
      return failedOutput(tool, key, error.error as OutputError & Error);
    }
  }
}

/** Output of a job that is dead: its input has failed, and others go on. */
function failedOutput(tool: AnyTool, key: string, failure: OutputError & Error): OrchestrationOutput {
  const { type, message, code, isRetryable, attempts, category } = failure;
  const error: OutputError = {
    type,
    message,
    code,
    isRetryable,
    attempts,
    ...(category !== undefined && { category }),
  };
  return {
    status: "failed",
    content: null,
    errors: { [tool.name]: error },
    usage: zeroUsage(),
    costUsd: null,
    metadata: { toolName: tool.name, toolVersion: tool.version, costUsd: null },
    traceId: key,
    requestId: key,
    elapsedMs: 0,
  };
}
