import { signal } from "@preact/signals";
import { type LoggedRun, type LoggedRunDetails, loggedStatuses } from "../../../src/store/log/event-log.ts";
import { getRun, isLockedOut, listRuns } from "./api.ts";
import type { RunFilter } from "./source.ts";

/** Time between two looks at the list of runs. */
export const lookMs = 1_000;
const perPage = 500;
/** Runs that are listed without a wish for older ones. */
const mostRuns = 10_000;

/**
 * Job: know the runs of a service: the latest, those that go on, and older ones where they are asked for.
 * Boundary: asks by `api.ts`; knows nothing of rows.
 * Invariants:
 * 1. A run that the service has listed stays, with its latest state.
 * 2. What a run was asked and gave is not kept.
 */
export class RunList {
  readonly runs = signal<ReadonlyMap<string, LoggedRun>>(new Map());
  /** `undefined` before the first answer. */
  readonly isConnected = signal<boolean | undefined>(undefined);
  /** Place of the next older runs, by the query they fit; `undefined` where there are none. */
  readonly #cursors = signal<ReadonlyMap<string, string | undefined>>(new Map());
  /** Times at which runs were listed last. */
  readonly #heard = new Map<string, number>();

  /** Resolves once the runs that there are have been listed. */
  readonly listed: Promise<void>;

  constructor() {
    this.listed = this.#listAll();
  }

  /** Lists the runs that there are, the latest first, as soon as the service answers. */
  async #listAll(): Promise<void> {
    let cursor: string | undefined;
    do {
      const page = await this.#page(cursor === undefined ? {} : { cursor });
      if (page) cursor = page.cursor;
      else await new Promise((wake) => setTimeout(wake, lookMs));
      if (page && cursor === undefined) break;
    } while (this.runs.value.size < mostRuns);
    this.#setCursor("", cursor);
  }

  /** Looks again at the latest runs and at those that go on. */
  async renew(): Promise<void> {
    await this.#latest();
    const goingOn = [...this.runs.value.values()].some(({ endedMs }) => endedMs === undefined);
    if (goingOn) await this.#page({ status: "running,retrying,abandoned" });
    await this.#settle();
  }

  /** Lists the latest runs, as far back as to one that is known. */
  async #latest(): Promise<void> {
    const known = this.runs.value;
    let cursor: string | undefined;
    do {
      const page = await this.#page(cursor === undefined ? {} : { cursor });
      const isAllNew = known.size > 0 && page?.runs.every(({ runId }) => !known.has(runId));
      cursor = isAllNew ? page?.cursor : undefined;
    } while (cursor !== undefined);
  }

  /** Asks for the end of runs that no page of going ones has any more. */
  async #settle(): Promise<void> {
    const nowMs = performance.now();
    const stale = [...this.runs.value.values()].filter(
      (run) => run.endedMs === undefined && (this.#heard.get(run.runId) ?? 0) < nowMs - 2 * lookMs,
    );
    const found = await Promise.all(stale.slice(0, 20).map(({ runId }) => getRun(runId).catch(() => undefined)));
    this.merge(found.filter((run) => run !== undefined));
  }

  /** True where the service may have older runs that fit a filter. */
  hasOlder(filter: RunFilter): boolean {
    const cursors = this.#cursors.value;
    const { key } = queryOf(filter);
    return cursors.get("") !== undefined && (!cursors.has(key) || cursors.get(key) !== undefined);
  }

  /** Lists older runs that fit a filter, where none were asked for yet. */
  listFirst(filter: RunFilter): void {
    if (this.hasOlder(filter) && !this.#cursors.value.has(queryOf(filter).key)) void this.listOlder(filter);
  }

  /** Lists the next older runs that fit a filter. */
  async listOlder(filter: RunFilter): Promise<void> {
    const { key, query } = queryOf(filter);
    const cursor = this.#cursors.value.get(key);
    const page = await this.#page({ ...query, ...(cursor !== undefined && { cursor }) });
    if (page) this.#setCursor(key, page.cursor);
  }

  #setCursor(key: string, cursor: string | undefined): void {
    this.#cursors.value = new Map(this.#cursors.value).set(key, cursor);
  }

  async #page(query: Readonly<Record<string, string>>) {
    // A key is waited for.
    if (isLockedOut.value) return undefined;
    try {
      const page = await listRuns({ limit: String(perPage), ...query });
      this.isConnected.value = true;
      this.merge(page.runs);
      return page;
    } catch {
      this.isConnected.value = false;
      return undefined;
    }
  }

  /** Takes the latest state of runs. */
  merge(found: readonly LoggedRun[]): void {
    const nowMs = performance.now();
    const known = this.runs.value;
    for (const { runId } of found) this.#heard.set(runId, nowMs);
    const changed = found.filter((run) => {
      const before = known.get(run.runId);
      return before?.lastSeq !== run.lastSeq || before.status !== run.status;
    });
    if (changed.length === 0) return;
    const merged = new Map(known);
    // What a run was asked and gave is kept as its row says it, and not whole.
    for (const { request: _, output: __, error: ___, ...run } of changed as readonly LoggedRunDetails[])
      merged.set(run.runId, run);
    this.runs.value = merged;
  }
}

/** The filters that a service knows, as it is asked for them, and a name of theirs. */
function queryOf({ tool, state, from, to }: RunFilter): { key: string; query: Record<string, string> } {
  const statuses = state === "running" ? "running,retrying" : state;
  const query = {
    ...(tool !== "" && { toolName: tool }),
    ...(loggedStatuses.includes(state as LoggedRun["status"]) && { status: statuses }),
    ...(from !== undefined && { atLeast: String(from) }),
    // What is quite sure stands in the last step.
    ...(to !== undefined && to < 1 && { below: String(to) }),
  };
  return { key: new URLSearchParams(query).toString(), query };
}
