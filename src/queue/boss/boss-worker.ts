import type { JobWithMetadata } from "pg-boss";
import { CancelledError } from "../../contract/errors.ts";
import type { OutputError } from "../../contract/output.ts";
import { schedule, systemClock } from "../../core/clock.ts";
import { cancelledReason } from "../engine-rules.ts";
import type { Disposition, JobHandler, QueueWorker, RunJob, WorkOptions } from "../run-queue.ts";
import { type HeldJob, Slots } from "../slots.ts";
import { type BossDatabase, jobTable, notifying, retryLimit, schema } from "./boss-database.ts";

/** Pause between two looks into an idle queue: notifications may be lost, and jobs become due. */
const lookMs = 1_000;
/** Pause between two signs of life. */
const touchMs = 2_000;
/** Age of a sign of life from which a worker watches for the next one. */
const quietMs = 3_000;
/** Time for which it watches in vain before the job counts as lost, and is given to another worker: three more signs. */
const watchMs = 6_000;
/** Pause between two looks for lost jobs. */
const searchMs = 1_000;
/** Pause after a failure of the database. */
const awayMs = 1_000;
/** Time for which a worker tries to tell a database that is away how a job ended. Later, another worker finds the output in the store. */
const settleMs = 60_000;

/** A job that this worker has fetched. */
interface FetchedJob extends HeldJob {
  readonly queue: string;
  /** Deliveries before this one. With the id it names this delivery: late settles of it are refused. */
  readonly retryCount: number;
}

/**
 * Job: fetch jobs into free slots, give signs of life for them, tell how they ended, and find those of dead workers.
 * Boundary: what a run means for its job is decided by the handler.
 * Invariants:
 * 1. One loop fetches for all slots, and only as many jobs as are free.
 * 2. A statement about a job names the delivery of it, and so changes nothing once another worker has it.
 * 3. A job that is no longer this worker's is aborted at the next sign of life.
 * 4. A job is given away only by a worker that has itself watched in vain for signs of life: time in which the database was away, or
 *    stood still, does not count.
 */
export class BossWorker implements QueueWorker {
  readonly #database: BossDatabase;
  readonly #queues: readonly string[];
  readonly #slots: Slots;
  readonly #fairShare: number;
  readonly #held = new Map<string, FetchedJob>();
  /** Queues in which jobs have groups. */
  readonly #grouped = new Set<string>();
  #looping: Promise<void> | undefined;
  #unwatch = () => {};
  #isDrained = false;
  #isEmpty = false;
  #wake = () => {};
  #stopTouching = () => {};
  #stopSearching = () => {};
  /** Last signs of life that are old, and since when this worker has seen no newer one. */
  #quiet = new Map<string, number>();
  #lookedAtMs = 0;

  constructor(database: BossDatabase, queues: readonly string[], handle: JobHandler, { concurrency }: WorkOptions) {
    this.#database = database;
    this.#queues = queues;
    this.#slots = new Slots(handle, concurrency, () => {
      if (!this.#isEmpty) this.#wake();
    });
    this.#fairShare = Math.ceil(concurrency / 2);
  }

  /** Takes jobs until the worker is drained. One that rejects has taken none. */
  async start(): Promise<void> {
    this.#unwatch = await this.#database.watch((news) => {
      if (news && "cancelled" in news) this.#lose(news.cancelled, new CancelledError(cancelledReason));
      else if (!news || this.#queues.includes(news.queue)) this.#look();
    });
    this.#stopTouching = schedule(systemClock, () => void this.#touch(), touchMs);
    this.#stopSearching = schedule(systemClock, () => void this.#search(), searchMs);
    this.#looping = this.#loop();
  }

  async drain(ms: number): Promise<void> {
    this.#isDrained = true;
    this.#wake();
    await this.#looping;
    await this.#slots.drain(ms, systemClock);
    this.#stopTouching();
    this.#stopSearching();
    this.#unwatch();
  }

  async #loop(): Promise<void> {
    for (let turn = 0; !this.#isDrained; turn++) {
      const woken = this.#wakesFromNow();
      try {
        const fetched = await this.#fill(turn);
        if (fetched > 0 && this.#slots.free > 0) continue;
        this.#isEmpty = fetched === 0 && this.#slots.free > 0;
        await woken(lookMs);
      } catch {
        await woken(awayMs);
      }
    }
  }

  /** Fetches once from each queue, a different one first each time. */
  async #fill(turn: number): Promise<number> {
    let fetched = 0;
    for (let at = 0; at < this.#queues.length; at++) {
      const queue = this.#queues[(turn + at) % this.#queues.length] as string;
      const free = this.#slots.free;
      if (free === 0 || this.#isDrained) break;
      const jobs = await this.#fetch(queue, free);
      fetched += jobs.length;
      for (const job of jobs) this.#start(queue, job);
    }
    return fetched;
  }

  /** Groups that have less than their share go first. */
  async #fetch(queue: string, free: number): Promise<readonly JobWithMetadata<RunJob>[]> {
    const boss = await this.#database.open();
    const jobs: JobWithMetadata<RunJob>[] = [];
    const take = async (more: object) => {
      const batchSize = free - jobs.length;
      const taken = batchSize > 0 ? await boss.fetch<RunJob>(queue, { batchSize, includeMetadata: true, ...more }) : [];
      jobs.push(...taken);
      return taken.length;
    };
    // pg-boss looks at the oldest jobs alone, and takes of them what their groups have room for: the next look sees others.
    const fair = { groupConcurrency: this.#fairShare };
    if (this.#grouped.has(queue)) while ((await take(fair)) > 0);
    await take({});
    if (jobs.some(({ groupId }) => groupId)) this.#grouped.add(queue);
    else if (jobs.length > 0) this.#grouped.delete(queue);
    return jobs;
  }

  #start(queue: string, { id, data, retryCount, retryLimit: limit }: JobWithMetadata<RunJob>): void {
    // Each delivery that counted no attempt has raised the limit by one.
    const attempt = 1 + retryCount - (limit - retryLimit);
    const fetched = { id, job: data, attempt, queue, retryCount };
    this.#held.set(id, fetched);
    this.#slots.start(fetched, (held, disposition) => this.#settle(held, disposition));
  }

  #lose(id: string, reason: Error): void {
    if (this.#held.delete(id)) this.#slots.lose(id, reason);
  }

  /** Tells the end of a job until the database has heard it, or another worker has the job. */
  async #settle(held: FetchedJob, disposition: Disposition): Promise<void> {
    const giveUpAtMs = systemClock.now() + settleMs;
    for (;;) {
      try {
        await this.#tell(held, disposition);
        break;
      } catch {
        if (this.#held.get(held.id) !== held || systemClock.now() > giveUpAtMs) break;
        await systemClock.sleep(awayMs);
      }
    }
    if (this.#held.get(held.id) === held) this.#held.delete(held.id);
    if ("retryInMs" in disposition && disposition.retryInMs < lookMs)
      schedule(systemClock, () => this.#look(), disposition.retryInMs);
  }

  async #tell({ id, queue, retryCount }: FetchedJob, disposition: Disposition): Promise<void> {
    if ("done" in disposition) {
      const boss = await this.#database.open();
      await boss.deleteJob(queue, { id, retryCount });
    } else if ("dead" in disposition) {
      const error: OutputError = disposition.dead;
      await this.#update(queue, id, retryCount, `state = 'failed', completed_on = ${schema}.job_now(), output = $4`, [
        JSON.stringify(error),
      ]);
    } else {
      const { retryInMs, reason, isAttempt = true } = disposition;
      const again = `state = 'retry', start_after = ${schema}.job_now() + $4 * interval '1 ms', output = $5, retry_limit = retry_limit + $6`;
      const output = JSON.stringify({ message: reason });
      await this.#update(queue, id, retryCount, again, [retryInMs, output, isAttempt ? 0 : 1]);
    }
  }

  async #update(queue: string, id: string, retryCount: number, set: string, values: unknown[]): Promise<void> {
    const statement = `UPDATE ${jobTable} SET heartbeat_on = NULL, ${set}
      WHERE name = $1 AND id = $2 AND retry_count = $3 AND state = 'active'`;
    await this.#database.query(statement, [queue, id, retryCount, ...values]);
  }

  /** Gives a sign of life for all jobs, and drops those that are not this worker's any more. */
  async #touch(): Promise<void> {
    const held = [...this.#held.values()];
    try {
      const alive = held.length > 0 ? await this.#stillHeld(held) : new Set<string>();
      for (const job of held)
        if (!alive.has(job.id) && this.#held.get(job.id) === job)
          this.#lose(job.id, new Error("the job was cancelled, or given to another worker"));
    } catch {
      // The database is away, and so it tells no other worker that this one is quiet.
    }
    if (!this.#isDrained || this.#held.size > 0)
      this.#stopTouching = schedule(systemClock, () => void this.#touch(), touchMs);
  }

  /** Writes a sign of life for deliveries. @returns the ids of the jobs that this worker still has */
  async #stillHeld(held: readonly FetchedJob[]): Promise<ReadonlySet<string>> {
    const rows = await this.#database.query(
      `UPDATE ${jobTable} SET heartbeat_on = ${schema}.job_now()
       WHERE name = ANY($1) AND id = ANY($2) AND state = 'active' AND id::text || ':' || retry_count = ANY($3)
       RETURNING id`,
      [this.#queues, held.map(({ id }) => id), held.map(({ id, retryCount }) => `${id}:${retryCount}`)],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** Gives the jobs of workers that give no signs of life to others. Each worker looks, for all queues. */
  async #search(): Promise<void> {
    try {
      const rows = await this.#database.query(findQuiet, [quietMs]);
      const nowMs = systemClock.now();
      // A new worker has not watched, but where others have been connected for long, signs of life could be given.
      const isNew = this.#lookedAtMs === 0;
      const sinceMs = ({ ageMs, connectedMs }: any) =>
        isNew ? nowMs - Math.max(0, Math.min(ageMs, connectedMs) - quietMs) : nowMs;
      // The database stood still, or this process did.
      if (nowMs - this.#lookedAtMs > watchMs) this.#quiet.clear();
      this.#lookedAtMs = nowMs;
      this.#quiet = new Map(rows.map((row) => [row.sign, this.#quiet.get(row.sign) ?? sinceMs(row)]));
      const lost = [...this.#quiet].filter(([, sinceMs]) => nowMs - sinceMs >= watchMs).map(([sign]) => sign);
      if (lost.length > 0) await this.#database.query(giveAway, [lost]);
    } catch {
      // While the database was away no worker could give signs of life: all are watched anew.
      this.#quiet.clear();
    }
    if (!this.#isDrained) this.#stopSearching = schedule(systemClock, () => void this.#search(), searchMs);
  }

  #look(): void {
    this.#isEmpty = false;
    this.#wake();
  }

  /** Listens for wake-ups from now on. @returns a function that waits for one, or for the time to pass */
  #wakesFromNow(): (ms: number) => Promise<void> {
    const waking = new AbortController();
    this.#wake = () => waking.abort();
    if (this.#isDrained) waking.abort();
    return (ms) => systemClock.sleep(ms, { signal: waking.signal }).catch(() => {});
  }
}

/** Names a sign of life: the delivery that gave it, and its time. */
const sign = "id || ':' || retry_count || ':' || extract(epoch FROM heartbeat_on)";
const isRunning = `name = ANY(ARRAY(SELECT name FROM ${schema}.queue)) AND state = 'active'`;

/** Finds the last signs of life that are so many milliseconds old, and the time for which a process has been connected. */
const findQuiet = `SELECT ${sign} AS sign,
    CAST(extract(epoch FROM ${schema}.job_now() - heartbeat_on) * 1000 AS float8) AS "ageMs",
    (SELECT CAST(extract(epoch FROM clock_timestamp() - min(backend_start)) * 1000 AS float8) FROM pg_stat_activity
      WHERE datname = current_database()) AS "connectedMs"
  FROM ${jobTable}
  WHERE ${isRunning} AND heartbeat_on < ${schema}.job_now() - $1 * interval '1 ms'`;

/**
 * Gives jobs back whose latest sign of life is one of these. They wait before the jobs that were put in with them. A job
 * that has used up its deliveries is dead.
 */
const giveAway = `
  WITH lost AS (
    UPDATE ${jobTable} SET heartbeat_on = NULL, output = NULL, created_on = created_on - interval '1 ms',
      state = CASE WHEN retry_count < retry_limit THEN 'retry' ELSE 'failed' END::${schema}.job_state,
      completed_on = CASE WHEN retry_count < retry_limit THEN NULL ELSE ${schema}.job_now() END
    WHERE ${isRunning} AND ${sign} = ANY($1)
    RETURNING name)
  SELECT ${notifying("json_build_object('queue', name)::text")} FROM (SELECT DISTINCT name FROM lost) AS queues`;
