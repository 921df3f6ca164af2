import { fixedKCost, isFailedCall } from "../../../src/cli/view/facts.ts";
import type { Moments, ReplicateMoments, RunDetail, ShownTrace } from "../../../src/cli/view/viewer-data.ts";
import type { EvidenceBundle, Replicate } from "../../../src/contract/bundle.ts";
import { bundleIn } from "../../../src/contract/bundle-json.ts";
import type { OrchestrationEvent } from "../../../src/contract/event.ts";

type Summary = NonNullable<RunDetail["bundle"]>["summary"];

/**
 * Job: take in the events of a run, and tell all that is known of it.
 * Boundary: knows events; asks nothing.
 * Invariants:
 * 1. Events come in the order of `seq`; one that came already changes nothing.
 * 2. What the evidence says is what the events say: nothing is counted here.
 */
export class RunCourse {
  /** Number of the last event. */
  lastSeq = -1;
  #request: unknown;
  #startedMs = 0;
  #lastMs = 0;
  #tool = "";
  #isRunning = true;
  #error: RunDetail["error"];
  #bundle: EvidenceBundle | undefined;
  #summary: Summary | undefined;
  readonly #replicates = new Map<string, Replicate>();
  readonly #moments = new Map<
    string,
    { startedMs?: number; endedMs?: number; retries: ReplicateMoments["retries"][number][] }
  >();
  readonly #points: ShownTrace["points"][number][] = [];
  readonly #notes: Moments["notes"][number][] = [];

  add(event: OrchestrationEvent): void {
    if (event.seq <= this.lastSeq) return;
    this.lastSeq = event.seq;
    this.#lastMs = Date.parse(event.timestamp) || this.#lastMs;
    const atMs = Math.max(0, this.#lastMs - this.#startedMs);
    switch (event.type) {
      case "run_started":
        this.#request = event.request;
        this.#startedMs = this.#lastMs;
        break;
      case "tool_started":
        this.#tool = event.toolName;
        break;
      case "replicate_started":
        this.#momentsOf(event.replicateId).startedMs = atMs;
        break;
      case "replicate_done":
        this.#replicates.set(event.replicate.id, event.replicate);
        this.#momentsOf(event.replicate.id).endedMs = atMs;
        break;
      case "partial_summary":
        this.#summarize(event.summary);
        break;
      case "bundle_ready":
        this.#bundle = event.evidenceBundle;
        break;
      case "retry_scheduled": {
        const { delayMs, error, replicateId } = event;
        const retry = { atMs, delayMs, category: error.category ?? "unknown", message: error.message };
        if (replicateId !== undefined) this.#momentsOf(replicateId).retries.push(retry);
        else this.#note(atMs, `tried again after ${delayMs} ms: ${error.message}`);
        break;
      }
      case "circuit_opened":
      case "circuit_half_open":
      case "circuit_closed":
        this.#note(atMs, `${event.provider}: circuit ${event.type.slice("circuit_".length).replace("_", " ")}`);
        break;
      case "fallback_started":
        this.#note(atMs, `${event.from} failed, ${event.to} takes its place`);
        break;
      case "plan_selected":
        this.#note(atMs, `${event.toolName} was chosen: ${event.reasoning}`);
        break;
      case "warning":
        this.#note(atMs, event.message);
        break;
      case "timeout":
        this.#note(atMs, `the deadline of ${event.limitMs} ms has passed`);
        break;
      case "error":
        this.#note(atMs, event.error.message);
        break;
      case "run_completed":
        this.#isRunning = false;
        this.#bundle = bundleIn(event.output.content) ?? this.#bundle;
        break;
      case "run_failed": {
        this.#isRunning = false;
        const { type, message, category } = event.error;
        this.#error = { type, message, category };
        this.#bundle = bundleIn(event.output?.content) ?? this.#bundle;
        break;
      }
      case "cancelled":
        this.#isRunning = false;
        this.#error = { type: "cancelled", message: event.reason };
    }
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  detail(): RunDetail {
    const bundle = this.#bundle ?? this.#bundleSoFar();
    const cost = this.#bundle && fixedKCost(this.#bundle);
    return {
      ...(this.#request !== undefined && { input: this.#request }),
      ...(bundle && {
        bundle,
        counts: {
          answers: bundle.replicates.length,
          failedCalls: bundle.replicates.filter(isFailedCall).length,
          fields: Object.keys(bundle.summary.fields).length,
        },
        trace: { points: this.#pointsTo(this.#bundle), isExact: true },
      }),
      ...(cost && { cost }),
      ...(this.#error && { error: this.#error }),
      moments: {
        isRunning: this.#isRunning,
        elapsedMs: Math.max(1, this.#lastMs - this.#startedMs),
        replicates: Object.fromEntries(this.#moments),
        notes: this.#notes,
      },
    };
  }

  /**
   * A bundle of the replicates that are there: it has no more to say than the latest summary has. Events tell neither K nor
   * the source of the answers: `k` is 0, and there is no `source`.
   */
  #bundleSoFar(): RunDetail["bundle"] {
    const replicates = [...this.#replicates.values()].toSorted((a, b) => numberOf(a) - numberOf(b));
    if (replicates.length === 0) return undefined;
    const costs = replicates.map(({ costUsd }) => costUsd ?? null);
    return {
      meta: {
        task: this.#tool,
        k: 0,
        kCompleted: replicates.length,
        model: [...new Set(replicates.map(({ model }) => model))].join(", "),
        seeds: replicates.map(({ seed }) => seed),
        earlyStopped: false,
        totalElapsedMs: this.#lastMs - this.#startedMs,
      },
      replicates,
      summary: this.#summary ?? noSummary(replicates),
      costTotalUsd: costs.includes(null) ? null : costs.reduce<number>((sum, each) => sum + (each ?? 0), 0),
    } as NonNullable<RunDetail["bundle"]>;
  }

  #summarize(summary: Summary): void {
    this.#summary = summary;
    const count = summary.validCount + summary.invalidCount;
    const { confidence, stability } = summary;
    const last = [...this.#replicates.values()].at(-1);
    this.#points.push({ count, id: last?.id ?? `r${count}`, valid: last?.valid ?? true, confidence, stability });
  }

  /** The last point is what the bundle says: it may know more than its own votes. */
  #pointsTo(bundle: EvidenceBundle | undefined): ShownTrace["points"] {
    const last = this.#points.at(-1);
    if (!bundle || !last || bundle.summary.validCount + bundle.summary.invalidCount !== last.count) return this.#points;
    const { confidence, stability } = bundle.summary;
    return [...this.#points.slice(0, -1), { ...last, confidence, stability }];
  }

  #momentsOf(id: string) {
    const known = this.#moments.get(id) ?? { retries: [] };
    this.#moments.set(id, known);
    return known;
  }

  #note(atMs: number, text: string): void {
    if (this.#notes.length < mostNotes) this.#notes.push({ atMs, text });
  }
}

const mostNotes = 200;

function numberOf({ id }: Replicate): number {
  return Number.parseInt(id.slice(1), 10) || 0;
}

/** Before the second answer nothing is summarised. */
function noSummary(replicates: readonly Replicate[]): Summary {
  const validCount = replicates.filter(({ valid }) => valid).length;
  const only = replicates.find(({ valid }) => valid);
  const consensus = only?.json ?? only?.data ?? null;
  return {
    consensus,
    consensusJson: consensus as Summary["consensusJson"],
    disagreements: [],
    confidence: 0,
    confidenceBasis: { kind: "none", bundles: 0, labels: 0, calibrated: false },
    weakest: 0,
    allRight: 0,
    stability: 0,
    fields: {},
    validCount,
    invalidCount: replicates.length - validCount,
  };
}
