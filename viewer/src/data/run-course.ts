import { hasConfidence } from "../../../src/cli/progress/format.ts";
import { fixedKCost, type Spending, spendingOf } from "../../../src/cli/view/expense.ts";
import { isFailedCall, votingReplicates } from "../../../src/cli/view/facts.ts";
import type { Moments, ReplicateMoments, RunDetail, ShownTrace } from "../../../src/cli/view/viewer-data.ts";
import type { EvidenceBundle, Replicate } from "../../../src/contract/bundle.ts";
import { bundleIn } from "../../../src/contract/bundle-json.ts";
import type { OrchestrationEvent } from "../../../src/contract/event.ts";
import type { Budget } from "../../../src/contract/usage.ts";

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
  /** Answers that the tool may ask for; 0 before that is known. */
  #k = 0;
  #budget: Budget | undefined;
  #spending: Spending | undefined;
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
        this.#budget = event.budget;
        this.#startedMs = this.#lastMs;
        break;
      case "tool_started":
        // A fallback, or another process that goes on with the run, counts its answers from the first one.
        this.#beginTool();
        this.#tool = event.toolName;
        this.#k = event.k ?? 0;
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
        this.#spending = spendingOf(event.output);
        break;
      case "run_failed": {
        this.#isRunning = false;
        const { type, message, category } = event.error;
        this.#error = { type, message, category };
        this.#bundle = bundleIn(event.output?.content) ?? this.#bundle;
        this.#spending = spendingOf(event.output);
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
    const cost = bundle && fixedKCost(bundle);
    return {
      ...(this.#request !== undefined && { input: this.#request }),
      ...(bundle && {
        bundle,
        counts: {
          answers: bundle.replicates.length,
          failedCalls: votingReplicates(bundle).filter(isFailedCall).length,
          fields: Object.keys(bundle.summary.fields).length,
        },
        trace: { points: this.#pointsTo(this.#bundle), isExact: true },
      }),
      ...(cost && { cost }),
      spending: this.#spending ?? this.#spendingSoFar(bundle),
      ...(this.#error && { error: this.#error }),
      moments: {
        isRunning: this.#isRunning,
        elapsedMs: Math.max(1, this.#lastMs - this.#startedMs),
        replicates: Object.fromEntries(this.#moments),
        notes: this.#notes,
      },
    };
  }

  #beginTool(): void {
    this.#bundle = undefined;
    this.#summary = undefined;
    this.#replicates.clear();
    this.#moments.clear();
    this.#points.length = 0;
  }

  /** Adds up the answers that are there: what those in flight use is not known yet. */
  #spendingSoFar(bundle: RunDetail["bundle"]): Spending {
    const used = bundle?.replicates ?? [];
    return {
      tokens: used.reduce((sum, { usage, reused }) => sum + (reused ? 0 : (usage?.totalTokens ?? 0)), 0),
      costUsd: bundle ? bundle.costTotalUsd : 0,
      timeMs: Math.max(1, this.#lastMs - this.#startedMs),
      ...(this.#budget && { budget: this.#budget }),
    };
  }

  /**
   * A bundle of the replicates that are there: it has no more to say than the latest summary has. Events do not tell the source
   * of the answers, so there is no `source`.
   */
  #bundleSoFar(): RunDetail["bundle"] {
    const replicates = [...this.#replicates.values()].toSorted((a, b) => numberOf(a) - numberOf(b));
    if (replicates.length === 0) return undefined;
    const costs = replicates.map(({ costUsd }) => costUsd ?? null);
    return {
      meta: {
        task: this.#tool,
        k: this.#k,
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
    // The summary of a stronger model begins anew.
    if (count <= (this.#points.at(-1)?.count ?? 0)) this.#points.length = 0;
    this.#points.push({ count, id: last?.id ?? `r${count}`, valid: last?.valid ?? true, confidence, stability });
  }

  /** The last point is what the bundle says: it may know more than its own votes, and events tell a part of the summaries. */
  #pointsTo(bundle: EvidenceBundle | undefined): ShownTrace["points"] {
    const last = bundle && votingReplicates(bundle).at(-1);
    if (!last || !hasConfidence(bundle.summary)) return this.#points;
    const { confidence, stability, validCount, invalidCount } = bundle.summary;
    const count = validCount + invalidCount;
    const before = this.#points.filter((point) => point.count < count);
    return [...before, { count, id: last.id, valid: last.valid, confidence, stability }];
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
