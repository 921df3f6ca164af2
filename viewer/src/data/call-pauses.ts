import type { OrchestrationEvent } from "../../../src/contract/event.ts";
import type { LoggedRun } from "../../../src/store/log/event-log.ts";
import { eventsOf } from "./api.ts";
import type { Strip } from "./source.ts";

/** Runs that are listened to while they are tried again, and how many of their latest events say why. */
const mostWatched = 2;
const recentEvents = 20;

/** Reasons for which calls of tools wait, and until when, as the events of runs tell it. */
export class CallPauses {
  readonly #untilMs = new Map<string, number>();
  readonly #watched = new Set<string>();

  get isEmpty(): boolean {
    return this.#untilMs.size === 0;
  }

  hear(event: OrchestrationEvent): void {
    if (event.type !== "retry_scheduled") return;
    const untilMs = Date.parse(event.timestamp) + event.delayMs;
    this.#untilMs.set(`${event.source}: ${event.error.category ?? "unknown"}`, untilMs);
  }

  /** Returns those that are not over. */
  now(): Strip["pauses"] {
    const nowMs = Date.now();
    return [...this.#untilMs].flatMap(([name, untilMs]) => {
      if (untilMs > nowMs) return [{ name, seconds: Math.ceil((untilMs - nowMs) / 1_000) }];
      this.#untilMs.delete(name);
      return [];
    });
  }

  /** Hears why runs are tried again: of a few, for a browser keeps few connections to a server. */
  watch(runs: () => ReadonlyMap<string, LoggedRun>): void {
    for (const { runId, status, lastSeq } of runs().values()) {
      if (status !== "retrying" || this.#watched.has(runId) || this.#watched.size >= mostWatched) continue;
      this.#watched.add(runId);
      const isOver = () => runs().get(runId)?.status !== "retrying";
      void this.#listen(runId, lastSeq, isOver).finally(() => this.#watched.delete(runId));
    }
  }

  async #listen(runId: string, lastSeq: number, isOver: () => boolean): Promise<void> {
    const control = new AbortController();
    try {
      for await (const event of eventsOf(runId, Math.max(-1, lastSeq - recentEvents), control.signal)) {
        this.hear(event);
        if (isOver()) return control.abort();
      }
    } catch {
      // The list says how the run goes on.
    }
  }
}
