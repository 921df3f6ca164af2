import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { toAnswer } from "../../../src/cli/label/answer.ts";
import { showInput } from "../../../src/cli/report/excerpt.ts";
import { rowFacts } from "../../../src/cli/view/run-row.ts";
import type { ReviewData, RunDetail, RunRow } from "../../../src/cli/view/viewer-data.ts";
import type { EvidenceBundle } from "../../../src/contract/bundle.ts";
import { bundleIn } from "../../../src/contract/bundle-json.ts";
import { type LoggedRun, type LoggedRunDetails, loggedStatuses } from "../../../src/store/log/event-log.ts";
import { type Place, place } from "../place.ts";
import {
  cancelRun,
  eventsOf,
  getRun,
  hasKey,
  isLockedOut,
  judgeRun,
  type ListedProvider,
  listProviders,
  listRuns,
  Refusal,
  startRun,
} from "./api.ts";
import { CallPauses } from "./call-pauses.ts";
import { RunCourse } from "./run-course.ts";
import { RunReader, width } from "./run-reader.ts";
import type { RunFilter, Source, Strip } from "./source.ts";

/** Time between two looks at the list of runs, and between two drawings of a run that goes on. */
const lookMs = 1_000;
const drawMs = 100;
const perPage = 500;
/** Runs that are listed without a wish for older ones. */
const mostRuns = 10_000;
const mostReviewed = 300;

/** Opens the service that this page came from. */
export function openService(): Source {
  return new LiveSource().source;
}

/**
 * Job: keep the runs of a service as rows, and follow those that are opened.
 * Boundary: asks by `api.ts`; draws nothing.
 * Invariants:
 * 1. However many events come, rows change once a look, and a run ten times a second.
 * 2. What a row says beside the list, its input and its answer, is asked for when it is seen.
 */
class LiveSource {
  readonly #runs = signal<ReadonlyMap<string, LoggedRun>>(new Map());
  readonly #looked = new Map<string, Partial<RunRow>>();
  readonly #rows = new Map<string, { run: LoggedRun; looked: Partial<RunRow> | undefined; row: RunRow }>();
  readonly #looks = signal(0);
  #isLookDue = false;
  /** Goes on while something pauses. */
  readonly #clock = signal(0);
  readonly #isConnected = signal<boolean | undefined>(undefined);
  /** Reason of a refusal, and the screen on which it was met. */
  readonly #problem = signal<{ readonly reason: string; readonly at: Place } | undefined>(undefined);
  readonly #details = new Map<string, ReadonlySignal<RunDetail | null | undefined>>();
  readonly #providers = signal<readonly ListedProvider[]>([]);
  readonly #pauses = new CallPauses();
  readonly #review = signal<ReviewData | undefined>(undefined);
  #following: { readonly id: string; readonly control: AbortController } | undefined;
  readonly #reader = new RunReader({
    hasEnded: (id) => this.#runs.value.get(id)?.endedMs !== undefined,
    onRead: (run) => {
      this.#keep(run);
      // Its row would say that it runs beside its last answer.
      if (run.endedMs !== undefined) this.#merge([run]);
    },
    onChange: () => {
      if (!this.#isLookDue) setTimeout(() => this.#showLooked(), drawMs);
      this.#isLookDue = true;
    },
  });
  /** Place of the next older runs, by the query they fit; `undefined` where there are none. */
  readonly #cursors = signal<ReadonlyMap<string, string | undefined>>(new Map());

  readonly source: Source = {
    page: { title: "steer", file: location.host, isCutShort: false },
    rows: computed(() => {
      this.#looks.value;
      return [...this.#runs.value.values()].map((run) => this.#keptRowOf(run));
    }),
    total: computed(() => this.#runs.value.size),
    review: this.#review,
    runOf: ({ fingerprint }) => fingerprint,
    detail: (id) => this.#detail(id),
    service: {
      strip: computed((): Strip => {
        this.#clock.value;
        const runs = [...this.#runs.value.values()];
        const count = (status: LoggedRun["status"]) => runs.filter((run) => run.status === status).length;
        const waiting = runs.filter(({ status, lastSeq }) => status === "running" && lastSeq < 0).length;
        return {
          isConnected: this.#isConnected.value,
          problem: this.#problemHere(),
          running: count("running"),
          waiting,
          retrying: count("retrying"),
          circuits: this.#providers.value
            .filter(({ circuit }) => circuit !== "closed")
            .map(({ name, circuit }) => ({ name, state: `circuit ${circuit.replace("_", " ")}` })),
          pauses: this.#pauses.now(),
        };
      }),
      cancel: (id) => this.#told(() => cancelRun(id)),
      runAgain: (id) =>
        this.#told(async () => {
          const { toolName, request } = await getRun(id);
          return startRun(toolName, request);
        }),
      judge: judgeRun,
      look: (ids) => this.#reader.look(ids),
      read: (ids) => this.#reader.read(ids),
      isRead: (id) => this.#reader.isRead(id),
      hasOlder: (filter) => this.#hasOlder(filter),
      listFirst: (filter) => {
        if (this.#hasOlder(filter) && !this.#cursors.value.has(queryOf(filter).key)) void this.#listOlder(filter);
      },
      listOlder: (filter) => this.#listOlder(filter),
      openReview: () => this.#openReview(),
      toCurl: (toolName, request) => {
        const body = JSON.stringify({ toolName, request });
        const key = hasKey() ? ` -H "authorization: Bearer $STEER_KEY"` : "";
        return `curl ${location.origin}/v1/runs -H 'content-type: application/json'${key} -d ${shellQuoted(body)}`;
      },
    },
  };

  /** Resolves once the runs that there are have been listed. */
  readonly #listed: Promise<void>;

  constructor() {
    this.#listed = this.#start();
  }

  /** Lists the runs that there are, the latest first, as soon as the service answers. */
  async #start(): Promise<void> {
    let cursor: string | undefined;
    do {
      const page = await this.#page(cursor === undefined ? {} : { cursor });
      if (page) cursor = page.cursor;
      else await new Promise((wake) => setTimeout(wake, lookMs));
      if (page && cursor === undefined) break;
    } while (this.#runs.value.size < mostRuns);
    this.#setCursor("", cursor);
    setTimeout(() => void this.#again(), lookMs);
  }

  /** Looks again at the latest runs and at those that go on. */
  async #again(): Promise<void> {
    if (!document.hidden) {
      await this.#latest();
      const known = [...this.#runs.value.values()].filter(({ endedMs }) => endedMs === undefined).length;
      if (known > 0) await this.#page({ status: "running,retrying,abandoned" });
      await this.#settle();
      this.#providers.value = await listProviders().catch(() => []);
      this.#pauses.watch(() => this.#runs.value);
      if (!this.#pauses.isEmpty) this.#clock.value++;
    }
    setTimeout(() => void this.#again(), lookMs);
  }

  /** Lists the latest runs, as far back as to one that is known. */
  async #latest(): Promise<void> {
    const known = this.#runs.value;
    let cursor: string | undefined;
    do {
      const page = await this.#page(cursor === undefined ? {} : { cursor });
      const isAllNew = known.size > 0 && page?.runs.every(({ runId }) => !known.has(runId));
      cursor = isAllNew ? page?.cursor : undefined;
    } while (cursor !== undefined);
  }

  #hasOlder(filter: RunFilter): boolean {
    const cursors = this.#cursors.value;
    const { key } = queryOf(filter);
    return cursors.get("") !== undefined && (!cursors.has(key) || cursors.get(key) !== undefined);
  }

  async #listOlder(filter: RunFilter): Promise<void> {
    const { key, query } = queryOf(filter);
    const cursor = this.#cursors.value.get(key);
    const page = await this.#page({ ...query, ...(cursor !== undefined && { cursor }) });
    if (page) this.#setCursor(key, page.cursor);
  }

  #setCursor(key: string, cursor: string | undefined): void {
    this.#cursors.value = new Map(this.#cursors.value).set(key, cursor);
  }

  /** Asks for the end of runs that no page of going ones has any more. */
  async #settle(): Promise<void> {
    const nowMs = performance.now();
    const stale = [...this.#runs.value.values()].filter(
      (run) => run.endedMs === undefined && (this.#heard.get(run.runId) ?? 0) < nowMs - 2 * lookMs,
    );
    const found = await Promise.all(stale.slice(0, 20).map(({ runId }) => getRun(runId).catch(() => undefined)));
    this.#merge(found.filter((run) => run !== undefined));
  }

  readonly #heard = new Map<string, number>();

  async #page(query: Readonly<Record<string, string>>) {
    // A key is waited for.
    if (isLockedOut.value) return undefined;
    try {
      const page = await listRuns({ limit: String(perPage), ...query });
      this.#isConnected.value = true;
      this.#merge(page.runs);
      return page;
    } catch {
      this.#isConnected.value = false;
      return undefined;
    }
  }

  #merge(found: readonly LoggedRun[]): void {
    const nowMs = performance.now();
    const known = this.#runs.value;
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
    this.#runs.value = merged;
  }

  /** A row is made anew only where its run has changed. */
  #keptRowOf(run: LoggedRun): RunRow {
    const looked = this.#looked.get(run.runId);
    const kept = this.#rows.get(run.runId);
    if (kept?.run === run && kept.looked === looked) return kept.row;
    const row = this.#rowOf(run);
    this.#rows.set(run.runId, { run, looked, row });
    return row;
  }

  #rowOf(run: LoggedRun): RunRow {
    const { runId, toolName, status, startedMs, endedMs, confidence, costUsd } = run;
    return {
      id: runId,
      tool: toolName,
      status: status === "retrying" ? "running" : status,
      ...(status === "retrying" && { isRetrying: true }),
      input: "",
      said: "",
      answers: 0,
      k: 0,
      confidence,
      costUsd: costUsd ?? null,
      elapsedMs: endedMs === undefined ? null : endedMs - startedMs,
      startedAt: new Date(startedMs).toISOString(),
      ...this.#looked.get(runId),
    };
  }

  #showLooked(): void {
    this.#isLookDue = false;
    this.#looks.value++;
  }

  #keep(run: LoggedRunDetails): void {
    const bundle = bundleIn(run.output?.content);
    const error = Object.values(run.output?.errors ?? {}).at(-1) ?? run.error;
    this.#looked.set(run.runId, {
      input: run.request === undefined ? "" : showInput(run.request),
      // Its log has a confidence of 0 where no answer is valid.
      ...(bundle ? { confidence: undefined, ...rowFacts(bundle) } : {}),
      ...(error && { said: showInput(error.message), category: error.category ?? "unknown" }),
    });
  }

  #detail(id: string): ReadonlySignal<RunDetail | null | undefined> {
    if (this.#following?.id !== id) {
      this.#following?.control.abort();
      this.#following = undefined;
    }
    const known = this.#details.get(id);
    if (known) return known;
    const detail = signal<RunDetail | null | undefined>(undefined);
    if (this.#details.size >= 50) this.#details.clear();
    this.#details.set(id, detail);
    const control = new AbortController();
    this.#following = { id, control };
    control.signal.addEventListener("abort", () => this.#details.delete(id));
    void this.#follow(id, detail, control.signal);
    return detail;
  }

  /** Follows a run to its end, also over a connection that breaks. */
  async #follow(id: string, detail: { value: RunDetail | null | undefined }, signal: AbortSignal): Promise<void> {
    const course = new RunCourse();
    let isDue = false;
    const draw = () => {
      isDue = false;
      detail.value = course.detail();
    };
    for (let tries = 0; course.isRunning && !signal.aborted; tries++) {
      try {
        for await (const event of eventsOf(id, course.lastSeq, signal)) {
          course.add(event);
          this.#pauses.hear(event);
          tries = 0;
          if (!isDue) setTimeout(draw, drawMs);
          isDue = true;
        }
      } catch (error) {
        if (course.lastSeq < 0 && error instanceof Refusal && error.status === 404 && tries > 1) detail.value = null;
      }
      if (course.isRunning && !signal.aborted)
        await new Promise((wake) => setTimeout(wake, Math.min(10_000, 500 * 2 ** tries)));
    }
    if (!signal.aborted && this.#following?.id === id) this.#following = undefined;
  }

  /** Does what was asked, and keeps the reason where the service refuses. */
  async #told<T>(work: () => Promise<T>): Promise<T | undefined> {
    const at = place.value;
    try {
      const done = await work();
      this.#problem.value = undefined;
      return done;
    } catch (error) {
      this.#problem.value = { reason: error instanceof Error ? error.message : String(error), at };
      return undefined;
    }
  }

  /** The reason of a refusal goes once something else is shown. */
  #problemHere(): string | undefined {
    const problem = this.#problem.value;
    return problem?.at === place.value ? problem.reason : undefined;
  }

  /** Takes the answers of the latest runs to judge: those that are there now. */
  async #openReview(): Promise<void> {
    await this.#listed;
    const ended = [...this.#runs.value.values()]
      .filter(({ status }) => status === "completed" || status === "partial")
      .sort((a, b) => b.startedMs - a.startedMs);
    const latest = ended.slice(0, mostReviewed);
    const found: { readonly run: LoggedRunDetails; readonly bundle: EvidenceBundle }[] = [];
    const left = latest.values();
    const work = async () => {
      for (const { runId } of left) {
        const run = await getRun(runId).catch(() => undefined);
        const bundle = run && bundleIn(run.output?.content);
        if (run && bundle && bundle.summary.validCount > 0) found.push({ run, bundle });
        if (!run) continue;
        this.#reader.note(run);
        this.#keep(run);
      }
    };
    await Promise.all(Array.from({ length: width }, work));
    found.sort((a, b) => a.run.startedMs - b.run.startedMs);
    const answers = found.map(({ run: { runId }, bundle }, at) =>
      toAnswer({ fingerprint: runId }, bundle, runId.slice(0, 8), at + 1),
    );
    this.#looks.value++;
    this.#review.value = {
      answers,
      signals: [],
      labels: [],
      withoutAnswer: latest.length - answers.length,
      latest: { count: latest.length, of: ended.length },
      asked: { precision: 0.95, confidence: 0.9 },
      isAsked: false,
      looks: [],
    };
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

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
