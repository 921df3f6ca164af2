import { withoutDistancesIn } from "../../contract/bundle-json.ts";
import type { OrchestrationEvent } from "../../contract/event.ts";
import { hasEvidence } from "../../contract/output.ts";
import { withoutSecrets } from "../../core/errors.ts";
import { withoutBytes } from "../../core/json.ts";
import type { NewLoggedRun, OpenedRun, RunFacts } from "../../store/log/event-log.ts";
import type { EventLogWriter } from "./log-writer.ts";

/** Key under which a run is continued where its process dies. */
export type RecordedKey = Pick<NewLoggedRun, "key" | "fingerprint">;

/**
 * Job: keep the events of one run until its log has them.
 * Boundary: hears what `redact` let through; the writer talks to the log.
 * Invariants:
 * 1. Events are numbered without a gap in the log, and go on where an attempt of a dead process ended.
 * 2. A run with a key keeps its events to itself until it is known who runs the key: only that one is recorded.
 * 3. The end of a caller that left is not the end of an execution that others wait for.
 * 4. A log that failed for good gets nothing more of the run, so that what it has stays whole up to there.
 * 5. A run that is to be tried again has no end in the log: the next try of its key continues it.
 */
export class RunRecording {
  readonly #writer: EventLogWriter;
  readonly #identity: Pick<NewLoggedRun, "requestId" | "traceId">;
  readonly #tally = new RunTally();
  readonly #opened = Promise.withResolvers<OpenedRun | undefined>();
  /** Events that the log has yet to get, as JSON without their number. */
  #texts: string[] = [];
  #length = 0;
  #nextSeq: number | undefined;
  #state: "undecided" | "kept" | "left" = "undecided";
  #key: RecordedKey = {};
  #isAsked = false;
  #isOver = false;
  #whenKept: PromiseWithResolvers<void> | undefined;
  /** True while an execution goes on that may outlast the caller of the run. */
  isWorking = false;
  /** Hears that the log has failed for good. */
  onFailure: (error: unknown) => void = () => {};

  constructor(writer: EventLogWriter, identity: Pick<NewLoggedRun, "requestId" | "traceId">) {
    this.#writer = writer;
    this.#identity = identity;
  }

  /** True while events are wanted. */
  get isHearing(): boolean {
    return this.#state !== "left" && !this.#isOver;
  }

  /** Resolves with the run's place in the log; `undefined` where it has none. */
  get opened(): Promise<OpenedRun | undefined> {
    return this.#opened.promise;
  }

  /** Records the run from its first event on. */
  begin(key: RecordedKey = {}): void {
    if (this.#state !== "undecided") return;
    this.#state = "kept";
    this.#key = key;
    if (this.#texts.length > 0) this.#tell(this.#length);
  }

  /** Records nothing of this run: it is an execution of another one that its caller waits for. */
  forgo(): void {
    if (this.#state === "undecided") this.#leave();
  }

  hear(event: OrchestrationEvent): void {
    if (!this.isHearing) return;
    const isLast = event.type === "run_completed" || event.type === "run_failed" || event.type === "cancelled";
    if (isLast && this.isWorking) return;
    // A caller that only waited leaves no run.
    if (isLast) this.forgo();
    if (!this.isHearing) return;
    this.#tally.add(event);
    this.#isOver = isLast;
    const text = textOf(event);
    this.#texts.push(text);
    this.#length += text.length;
    if (this.#state === "kept") this.#tell(text.length);
  }

  /** Ends the recording without a last event: the next try of the run continues it. */
  suspend(): void {
    if (this.isWorking) return;
    this.forgo();
    if (!this.isHearing) return;
    this.#isOver = true;
    this.#tally.suspend();
    this.#tell(0);
  }

  /** Resolves once the log has all events so far, or cannot have them soon; `undefined` where it has. */
  whenKept(): Promise<void> | undefined {
    if (this.#state !== "kept" || !this.#isAsked || (this.isOpen && this.#texts.length === 0)) return undefined;
    this.#whenKept ??= Promise.withResolvers();
    return this.#whenKept.promise;
  }

  /** Lets go of those who wait for the log. */
  stopWaiting(): void {
    this.#whenKept?.resolve();
    this.#whenKept = undefined;
  }

  /** Takes the events that are to be written next, up to about so many characters. */
  take(limit: number): { readonly firstSeq: number; readonly events: readonly string[]; readonly facts: RunFacts } {
    const firstSeq = this.#nextSeq as number;
    const events: string[] = [];
    for (let length = 0; events.length < this.#texts.length && length <= limit; ) {
      const text = this.#texts[events.length] as string;
      events.push(`{"seq":${firstSeq + events.length},${text.slice(1)}`);
      length += text.length;
    }
    return { firstSeq, events, facts: this.#tally.facts };
  }

  /** Hears that the log has the first `count` of the events that wait. Returns their length. */
  hasKept(count: number): number {
    this.#nextSeq = (this.#nextSeq as number) + count;
    const length = this.#texts.splice(0, count).reduce((sum, text) => sum + text.length, 0);
    this.#length -= length;
    if (this.#texts.length === 0) this.stopWaiting();
    return length;
  }

  get isOpen(): boolean {
    return this.#state === "kept" && this.#nextSeq !== undefined;
  }

  /** True once the log has the last event. */
  get isWhole(): boolean {
    return this.#isOver && this.#texts.length === 0;
  }

  get waitingCount(): number {
    return this.#texts.length;
  }

  get waitingLength(): number {
    return this.#length;
  }

  /** Hears of its place in the log. */
  isOpened(run: OpenedRun): void {
    this.#nextSeq = run.nextSeq;
    this.#opened.resolve(run);
  }

  /** Hears that the log does not take the run. */
  fail(error: unknown): void {
    if (this.#state === "left") return;
    this.#leave();
    this.onFailure(error);
  }

  #tell(characters: number): void {
    this.#writer.hasMore(this, characters);
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#writer.open(this, { ...this.#identity, ...this.#key });
  }

  #leave(): void {
    this.#state = "left";
    this.#texts = [];
    this.#length = 0;
    this.#opened.resolve(undefined);
    this.stopWaiting();
  }
}

/** An event as JSON without its number. An event that has no JSON is kept as its envelope. */
function textOf(event: OrchestrationEvent): string {
  const { seq: _, ...rest } = event;
  try {
    return withoutSecrets(JSON.stringify(withoutDistancesIn(rest), withoutBytes));
  } catch {
    const { type, timestamp, traceId, requestId, source, attempt } = event;
    return JSON.stringify({ type, timestamp, traceId, requestId, source, attempt });
  }
}

/** Adds a run's events up to what a list shows of it. */
class RunTally {
  #toolName = "";
  #status: RunFacts["status"] | undefined;
  #confidence: number | undefined;
  #costUsd: number | null | undefined;
  /** Ids of replicates that wait for another attempt; `""` for a whole tool. */
  readonly #retrying = new Set<string>();

  get facts(): RunFacts {
    const status = this.#status ?? (this.#retrying.size > 0 ? "retrying" : "running");
    return {
      toolName: this.#toolName,
      status,
      ...(this.#confidence !== undefined && { confidence: this.#confidence }),
      ...(this.#costUsd !== undefined && { costUsd: this.#costUsd }),
    };
  }

  /** Hears that the run is to be tried again. */
  suspend(): void {
    this.#status = "retrying";
  }

  add(event: OrchestrationEvent): void {
    this.#toolName ||= event.source;
    switch (event.type) {
      case "retry_scheduled":
        this.#retrying.add(event.replicateId ?? "");
        break;
      case "replicate_done":
        this.#retrying.delete(event.replicate?.id);
        this.#spend(event.replicate?.costUsd);
        break;
      case "fallback_started":
      case "error":
        this.#retrying.clear();
        break;
      case "delta":
      case "budget_reserved":
        this.#retrying.delete(event.replicateId ?? "");
        break;
      case "partial_summary":
        this.#see(event.summary);
        break;
      case "bundle_ready":
        this.#see(event.evidenceBundle?.summary);
        break;
      case "run_completed":
        this.#status = event.output?.status ?? "completed";
        this.#costUsd = event.output?.costUsd;
        if (event.output && hasEvidence(event.output)) this.#see(event.output.content.evidenceBundle.summary);
        break;
      case "run_failed":
        this.#status = "failed";
        if (event.output) this.#costUsd = event.output.costUsd;
        break;
      case "cancelled":
        this.#status = "cancelled";
        break;
    }
  }

  /** A price that is not known makes the whole unknown. */
  #spend(costUsd: number | null | undefined): void {
    if (costUsd === undefined) return;
    this.#costUsd = costUsd === null || this.#costUsd === null ? null : (this.#costUsd ?? 0) + costUsd;
  }

  #see(summary: { calibratedConfidence?: number | undefined; confidence?: number } | undefined): void {
    this.#confidence = summary?.calibratedConfidence ?? summary?.confidence ?? this.#confidence;
  }
}
