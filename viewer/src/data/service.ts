import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { toAnswer } from "../../../src/cli/label/answer.ts";
import { showInput } from "../../../src/cli/report/excerpt.ts";
import { rowFacts } from "../../../src/cli/view/run-row.ts";
import type { ReviewData, RunDetail, RunRow } from "../../../src/cli/view/viewer-data.ts";
import type { EvidenceBundle } from "../../../src/contract/bundle.ts";
import { bundleIn } from "../../../src/contract/bundle-json.ts";
import type { LoggedRun, LoggedRunDetails } from "../../../src/store/log/event-log.ts";
import { type Place, place } from "../place.ts";
import {
  cancelRun,
  eventsOf,
  getRun,
  hasKey,
  judgeRun,
  type ListedProvider,
  listProviders,
  Refusal,
  startRun,
} from "./api.ts";
import { CallPauses } from "./call-pauses.ts";
import { RunCourse } from "./run-course.ts";
import { lookMs, RunList } from "./run-list.ts";
import { RunReader, width } from "./run-reader.ts";
import type { Source, Strip } from "./source.ts";

/** Time between two drawings of a run that goes on. */
const drawMs = 100;
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
  readonly #list = new RunList();
  readonly #looked = new Map<string, Partial<RunRow>>();
  readonly #rows = new Map<string, { run: LoggedRun; looked: Partial<RunRow> | undefined; row: RunRow }>();
  readonly #looks = signal(0);
  #isLookDue = false;
  /** Goes on while something pauses. */
  readonly #clock = signal(0);
  /** Reason of a refusal, and the screen on which it was met. */
  readonly #problem = signal<{ readonly reason: string; readonly at: Place } | undefined>(undefined);
  readonly #details = new Map<string, ReadonlySignal<RunDetail | null | undefined>>();
  readonly #providers = signal<readonly ListedProvider[]>([]);
  readonly #pauses = new CallPauses();
  readonly #review = signal<ReviewData | undefined>(undefined);
  #following: { readonly id: string; readonly control: AbortController } | undefined;
  readonly #reader = new RunReader({
    hasEnded: (id) => this.#list.runs.value.get(id)?.endedMs !== undefined,
    onRead: (run) => {
      this.#keep(run);
      // Its row would say that it runs beside its last answer.
      if (run.endedMs !== undefined) this.#list.merge([run]);
    },
    onChange: () => {
      if (!this.#isLookDue) setTimeout(() => this.#showLooked(), drawMs);
      this.#isLookDue = true;
    },
  });

  readonly source: Source = {
    page: { title: "steer", file: location.host, isCutShort: false },
    rows: computed(() => {
      this.#looks.value;
      return [...this.#list.runs.value.values()].map((run) => this.#keptRowOf(run));
    }),
    total: computed(() => this.#list.runs.value.size),
    review: this.#review,
    runOf: ({ fingerprint }) => fingerprint,
    detail: (id) => this.#detail(id),
    service: {
      strip: computed((): Strip => {
        this.#clock.value;
        const runs = [...this.#list.runs.value.values()];
        const count = (status: LoggedRun["status"]) => runs.filter((run) => run.status === status).length;
        const waiting = runs.filter(({ status, lastSeq }) => status === "running" && lastSeq < 0).length;
        return {
          isConnected: this.#list.isConnected.value,
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
      hasOlder: (filter) => this.#list.hasOlder(filter),
      listFirst: (filter) => this.#list.listFirst(filter),
      listOlder: (filter) => this.#list.listOlder(filter),
      openReview: () => this.#openReview(),
      toCurl: (toolName, request) => {
        const body = JSON.stringify({ toolName, request });
        const key = hasKey() ? ` -H "authorization: Bearer $STEER_KEY"` : "";
        return `curl ${location.origin}/v1/runs -H 'content-type: application/json'${key} -d ${shellQuoted(body)}`;
      },
    },
  };

  constructor() {
    void this.#list.listed.then(() => setTimeout(() => void this.#again(), lookMs));
  }

  /** Looks again at the runs and the providers. */
  async #again(): Promise<void> {
    if (!document.hidden) {
      await this.#list.renew();
      this.#providers.value = await listProviders().catch(() => []);
      this.#pauses.watch(() => this.#list.runs.value);
      if (!this.#pauses.isEmpty) this.#clock.value++;
    }
    setTimeout(() => void this.#again(), lookMs);
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
    await this.#list.listed;
    const ended = [...this.#list.runs.value.values()]
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

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
