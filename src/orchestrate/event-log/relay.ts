import { type Clock, schedule } from "../../core/clock.ts";
import { CancelScope } from "../../core/signal.ts";
import { type EventLog, isEnd, type LoggedRun, type OpenedRun } from "../../store/log/event-log.ts";
import { streamRun } from "../../store/log/stream-run.ts";
import type { Run } from "../run-context.ts";

/**
 * Job: let the listeners of a run hear the execution that it waits for, in this process or in another.
 * Boundary: reads the event log; a log that fails only means that less is heard.
 * Invariants:
 * 1. Every event is heard once, in order, but for the first and the last one: the run has its own.
 * 2. The end of the run waits at most `patienceMs` for what the log does not have yet.
 */

/** Longest time for which the output waits for events that belong before it. */
const patienceMs = 1_000;

export class Relay {
  readonly #log: EventLog;
  readonly #run: Run;
  readonly #clock: Clock;
  readonly #scope: CancelScope;
  /** Settles once what is followed has been told. */
  #following: Promise<void> | undefined;

  constructor(log: EventLog, run: Run) {
    this.#log = log;
    this.#run = run;
    this.#clock = run.settings.clock;
    this.#scope = new CancelScope(run.callerScope);
  }

  /** Follows an execution of this process, or what that waits for itself. */
  followExecution(opened: Promise<OpenedRun | undefined>, key: string): void {
    const tell = async () => {
      const runId = (await opened)?.runId ?? (await this.#latestOf(key))?.runId;
      if (runId !== undefined && !this.#scope.aborted) await this.#tell(runId);
    };
    this.#following = tell().catch(() => {});
  }

  /** Follows the execution of a key that goes on in another process. */
  async followKey(key: string): Promise<void> {
    if (this.#following) return;
    const latest = await this.#latestOf(key);
    const goesOn = latest && !isEnd(latest.status);
    if (goesOn && !this.#following && !this.#scope.aborted) this.#follow(latest.runId);
  }

  /** Tells of the execution whose output is there, to its end. */
  async tellWhole(key: string): Promise<void> {
    const latest = this.#following ? undefined : await this.#latestOf(key);
    if (latest) this.#follow(latest.runId);
    await this.end();
  }

  /** Waits until everything has been told, and stops. */
  async end(): Promise<void> {
    const stop = schedule(this.#clock, () => this.stop(), patienceMs);
    await this.#following;
    stop();
    this.stop();
  }

  /** Tells no more. */
  stop(): void {
    this.#scope.abort(new Error("Nothing waits for the events any more."));
  }

  #follow(runId: string): void {
    this.#following = this.#tell(runId).catch(() => {});
  }

  async #tell(runId: string): Promise<void> {
    for await (const event of streamRun(this.#log, runId, { clock: this.#clock, signal: this.#scope.signal })) {
      const isOwn = event.seq === 0 || event.type === "run_completed" || event.type === "run_failed";
      if (!isOwn && event.type !== "cancelled") this.#run.events.relay(event);
    }
  }

  #latestOf(key: string): Promise<LoggedRun | undefined> {
    return latestOf(this.#log, key, this.#clock);
  }
}

/** Finds the latest run of a key; `undefined` where there is none, and where the log does not say so soon. */
export async function latestOf(log: EventLog, key: string, clock: Clock): Promise<LoggedRun | undefined> {
  const { promise: tooLate, resolve } = Promise.withResolvers<undefined>();
  const stop = schedule(clock, () => resolve(undefined), patienceMs);
  const ask = async () => (await log.list({ key, limit: 1 })).runs[0];
  return Promise.race([ask().catch(() => undefined), tooLate]).finally(stop);
}
