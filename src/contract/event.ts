import { type Clock, systemClock } from "../core/clock.ts";
import { Emitter } from "../core/emitter.ts";
import type { JSONValue } from "../core/json.ts";
import type { BundleSummary, EvidenceBundle, EvidenceContent, Replicate } from "./bundle.ts";
import { assertEventType } from "./event-types.ts";
import type { OrchestrationOutput, OutputError } from "./output.ts";
import type { Budget } from "./usage.ts";

/** What every event of a run carries. */
export interface EventBase {
  /** From 0, without a gap within a run. */
  seq: number;
  /** ISO 8601. */
  timestamp: string;
  traceId: string;
  requestId: string;
  /** The tool's name. */
  source: string;
  /** Of the call that the event is about, from 1; of `replicate_done`, the one that ended it. */
  attempt: number;
}

type EvidenceOf<C> = C extends EvidenceContent<infer T> ? T : unknown;

/** What each type of event says beside `EventBase`. */
export interface EventData<C = unknown> {
  run_started: { request: unknown };
  plan_selected: { toolName: string; reasoning: string };
  tool_started: { toolName: string };
  replicate_started: { replicateId: string; seed: number };
  /** A replicate finished; one that was stopped is invalid, and says so. */
  replicate_done: { replicate: Replicate<EvidenceOf<C>> };
  partial_summary: { summary: BundleSummary<EvidenceOf<C>> };
  bundle_ready: { evidenceBundle: EvidenceBundle<EvidenceOf<C>> };
  warning: { message: string; code?: string };
  error: { error: OutputError };
  timeout: { limitMs: number };
  retry_scheduled: { delayMs: number; error: OutputError; replicateId?: string };
  circuit_opened: { provider: string };
  circuit_half_open: { provider: string };
  circuit_closed: { provider: string };
  fallback_started: { from: string; to: string };
  budget_reserved: { reserved: Budget; replicateId?: string };
  /** Deltas of this attempt were shown, and do not count. */
  attempt_discarded: { replicateId?: string };
  delta: { text: string; replicateId?: string };
  progress: { name: string; data?: JSONValue };
  run_completed: { output: Extract<OrchestrationOutput<C>, { status: "completed" | "partial" }> };
  run_failed: { output?: Extract<OrchestrationOutput<C>, { status: "failed" }>; error: OutputError };
  cancelled: { reason: string };
}

/** The `type` of an event. */
export type EventType = keyof EventData;
/** Everything that a run reports, told apart by `type`. */
export type OrchestrationEvent<C = unknown> = {
  [E in EventType]: EventBase & { type: E } & EventData<C>[E];
}[EventType];

/** The events that a tool may emit itself; any other is ignored. */
export type ToolEventType =
  | "warning"
  | "error"
  | "delta"
  | "progress"
  | "replicate_started"
  | "replicate_done"
  | "partial_summary"
  | "bundle_ready";

/** Where a tool reports what happens. */
export interface ToolEvents {
  /** Reports one event of the run; its number, time and ids are filled in. */
  emit<E extends ToolEventType>(type: E, data: EventData[E]): void;
}

/**
 * Listeners for the events of one or several runs. Hand it to a run as `eventManager`.
 *
 * @example
 * ```ts
 * const events = new EventManager();
 * const off = events.on("replicate_done", (event) => console.log(event.replicate.id));
 * await orchestrator.run({ tool, request, eventManager: events });
 * off();
 * ```
 */
export class EventManager implements ToolEvents {
  readonly #emitter: Emitter<OrchestrationEvent>;
  readonly #clock: Clock;
  #seq = 0;

  constructor(options?: { onListenerError?: ((error: unknown) => void) | undefined; clock?: Clock | undefined }) {
    this.#emitter = new Emitter({ onListenerError: options?.onListenerError });
    this.#clock = options?.clock ?? systemClock;
  }

  /** Reports something outside of any run. Inside a tool, use `context.events`, which knows the run. */
  emit<E extends ToolEventType>(type: E, data: EventData[E]): void {
    const base = {
      seq: this.#seq++,
      timestamp: new Date(this.#clock.now()).toISOString(),
      traceId: "",
      requestId: "",
      source: "",
      attempt: 1,
    };
    this.deliver({ type, ...base, ...data } as OrchestrationEvent);
  }

  /**
   * Hands a run's event to the listeners as it is.
   *
   * @param onListenerError hears what they throw, where the manager has no `onListenerError` of its own
   */
  deliver(event: OrchestrationEvent, onListenerError?: ((error: unknown, listener: object) => void) | undefined): void {
    this.#emitter.emit(event, onListenerError);
  }

  /**
   * Calls `listener` with every event of a type, or of all types (`"*"`), until the function that it returns is
   * called.
   *
   * @throws InvalidOptionsError for a type that no event has
   */
  on<E extends EventType>(type: E, listener: (event: Extract<OrchestrationEvent, { type: E }>) => void): () => void;
  on(type: "*", listener: (event: OrchestrationEvent) => void): () => void;
  on(type: EventType | "*", listener: (event: any) => void): () => void {
    assertEventType(type);
    return this.#emitter.on(type === "*" ? listener : (event) => (event.type === type ? listener(event) : undefined));
  }
}
