import type { BundleSummary, Replicate } from "../../contract/bundle.ts";
import type { OrchestrationEvent } from "../../contract/event.ts";
import type { EvidenceSource } from "../../contract/model.ts";
import { addCost } from "../../contract/usage.ts";

/** A run as far as its events have told. */
export interface RunState {
  readonly requestId: string;
  readonly request: unknown;
  readonly replicates: Map<string, Replicate | "asked">;
  summary: BundleSummary | undefined;
  /** Known once the bundle is ready. */
  source: EvidenceSource | undefined;
  costUsd: number | null;
}

/** Follows the runs that are in flight by their events. */
export class RunStates {
  readonly #states = new Map<string, RunState>();

  get inFlight(): readonly RunState[] {
    return [...this.#states.values()];
  }

  observe(event: OrchestrationEvent): void {
    const { requestId } = event;
    if (event.type === "run_started") {
      const { request } = event;
      this.#states.set(requestId, {
        requestId,
        request,
        replicates: new Map(),
        summary: undefined,
        source: undefined,
        costUsd: 0,
      });
    }
    const state = this.#states.get(requestId);
    if (!state) return;
    if (event.type === "replicate_started") state.replicates.set(event.replicateId, "asked");
    if (event.type === "replicate_done") {
      state.replicates.set(event.replicate.id, event.replicate);
      state.costUsd = addCost(state.costUsd, event.replicate.costUsd ?? null);
    }
    if (event.type === "partial_summary") state.summary = event.summary;
    if (event.type === "bundle_ready") {
      state.summary = event.evidenceBundle.summary;
      state.source = event.evidenceBundle.meta.source;
    }
    if (isTerminal(event)) this.#states.delete(requestId);
  }
}

function isTerminal({ type }: OrchestrationEvent): boolean {
  return type === "run_completed" || type === "run_failed" || type === "cancelled";
}
