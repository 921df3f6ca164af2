import { frozenCopy } from "../core/canonical.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { Emitter } from "../core/emitter.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import type { JSONValue } from "../core/json.ts";
import { nearest } from "../core/nearest.ts";
import type { BundleSummary, EvidenceBundle, EvidenceContent, Replicate } from "./bundle.ts";
import type { OrchestrationOutput, OutputError } from "./output.ts";
import type { Budget } from "./usage.ts";

/** Fields of every event of a run. */
export interface EventBase {
  /** From 0, one more with each event of the run. Only where events were dropped for a slow reader does it see a gap. */
  seq: number;
  /** ISO 8601, of the clock of the orchestrator. */
  timestamp: string;
  /** As given in `options`, or made for the run. */
  traceId: string;
  /** As given in `options`, or made for the run. */
  requestId: string;
  /** The name of the tool that runs; `""` before one was chosen. */
  source: string;
  /** Number of the attempt of the call that the event is about, from 1; of `replicate_done`, the one that ended it. */
  attempt: number;
}

type EvidenceOf<C> = C extends EvidenceContent<infer T> ? T : unknown;

/** Fields of each type of event beside `EventBase`. */
export interface EventData<C = unknown> {
  /**
   * The run was accepted: the first event of every run. One that is refused at the edge has no events. In an event log it comes
   * again where another process continues the run of one that died.
   */
  run_started: {
    request: unknown;
    /** Ceilings of the run; absent where nothing limits it. */
    budget?: Budget;
  };
  /** The planner has chosen, for a run that names no tool. */
  plan_selected: { toolName: string; reasoning: string };
  /** A tool begins: the first one, or a fallback. Once, however often it is tried again. */
  tool_started: {
    toolName: string;
    /** The most answers that a bundle tool asks a model for; absent for other tools. */
    k?: number;
  };
  /** A replicate is asked for the first time; not one that a journal has. */
  replicate_started: { replicateId: string; seed: number };
  /** A replicate is there, after all its attempts, or out of the journal. One that was stopped is invalid, and says so. */
  replicate_done: {
    replicate: Replicate<EvidenceOf<C>>;
    /** True where the store has it, so that no later run of the key pays for it again; only where the run has a key. */
    kept?: boolean;
    /** Reason why it was not kept. */
    reason?: string;
  };
  /** Summary of the replicates so far: after the second, and then at each tenth of `k`. */
  partial_summary: { summary: BundleSummary<EvidenceOf<C>> };
  /** A bundle tool has its bundle: all of it, or the part that a failure has left. */
  bundle_ready: { evidenceBundle: EvidenceBundle<EvidenceOf<C>> };
  /**
   * Something is not as it should be, and the run goes on. Codes: `absent_fields`, `budget_overrun`, `calibration_failed`,
   * `deprecated_agents`, `equal_response_ids`, `event_log_failed`, `judge_failed`, `low_confidence`, `model_left_out`,
   * `needs_review`, `parameter_refused`, `replicates_failed`,
   * `retry_after_too_long`, `run_unprotected`, `similarity_failed`, `store_unavailable`, `temperature_zero`,
   * `target_missed`, `texts_differ`, `threshold_out_of_reach`, `uncounted_usage`,
   * `unknown_cost`, `unused_request`, and those of tools.
   */
  warning: { message: string; code?: string };
  /** A tool has failed after its retries, wholly or in part: the last of its failures. */
  error: { error: OutputError };
  /** The deadline of the run has passed. That of one attempt is the `error` of a `retry_scheduled`. */
  timeout: { limitMs: number };
  /** A call is tried again after `delayMs`, because of `error`; the correction of an invalid answer, too. */
  retry_scheduled: { delayMs: number; error: OutputError; replicateId?: string };
  /** A call of this run has opened the circuit of its provider. */
  circuit_opened: { provider: string };
  /** A call of this run is the first to be let through to test the provider. */
  circuit_half_open: { provider: string };
  /** A call of this run has closed the circuit. */
  circuit_closed: { provider: string };
  /** A tool has failed for good, and another one takes its place. */
  fallback_started: { from: string; to: string };
  /** Budget was reserved for an attempt, before it starts; only where something limits it. */
  budget_reserved: { reserved: Budget; replicateId?: string };
  /** The deltas of this attempt were shown and do not count: the replicate starts anew. Before its `retry_scheduled`. */
  attempt_discarded: { replicateId?: string };
  /** A piece of an answer's text as the model writes it. Prompt tools report it with `options.streaming` alone. */
  delta: { text: string; replicateId?: string };
  /** Progress of a tool, in its own words; no tool of this package reports it. */
  progress: { name: string; data?: JSONValue };
  /** The run has resolved with this output. The last event. */
  run_completed: { output: Extract<OrchestrationOutput<C>, { status: "completed" | "partial" }> };
  /** The run has resolved with a `failed` output, or, without one, has rejected with this error. The last event. */
  run_failed: { output?: Extract<OrchestrationOutput<C>, { status: "failed" }>; error: OutputError };
  /** The run was aborted, and has rejected. The last event. */
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

/** Receiver of what a tool reports. */
export interface ToolEvents {
  /** Reports one event of the run; its number, time and ids are filled in. */
  emit<E extends ToolEventType>(type: E, data: EventData[E]): void;
}

/**
 * Listeners for the events of one or several runs. Hand it to a run as `eventManager`. A listener is called at once and not
 * waited for: what it throws or rejects with changes nothing, but one that blocks the event loop blocks the runs, too.
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
    const heard = frozenCopy(data);
    const base = {
      seq: this.#seq++,
      timestamp: new Date(this.#clock.now()).toISOString(),
      traceId: "",
      requestId: "",
      source: "",
      attempt: 1,
    };
    this.deliver(inEnvelope({ type, ...base }, heard) as OrchestrationEvent);
  }

  /**
   * Hands a run's event to the listeners unchanged.
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

/** Fields of every event, which no data overrides. */
export interface Envelope extends EventBase {
  readonly type: EventType;
}

/** Puts data that listeners may have into an envelope. */
export function inEnvelope(envelope: Envelope, data: object): Envelope {
  const event: Record<string, unknown> = { ...envelope };
  for (const [name, value] of Object.entries(data)) {
    if (!Object.hasOwn(envelope, name) && name !== "__proto__") event[name] = value;
  }
  return Object.freeze(event) as unknown as Envelope;
}

/** Every type of event; one that is added does not compile until it stands here. */
const eventTypes: Readonly<Record<EventType, true>> = {
  run_started: true,
  plan_selected: true,
  tool_started: true,
  replicate_started: true,
  replicate_done: true,
  partial_summary: true,
  bundle_ready: true,
  warning: true,
  error: true,
  timeout: true,
  retry_scheduled: true,
  circuit_opened: true,
  circuit_half_open: true,
  circuit_closed: true,
  fallback_started: true,
  budget_reserved: true,
  attempt_discarded: true,
  delta: true,
  progress: true,
  run_completed: true,
  run_failed: true,
  cancelled: true,
};

/**
 * Refuses what no event is called: a listener for it would wait for ever.
 *
 * @throws InvalidOptionsError naming the nearest type
 */
function assertEventType(type: unknown): void {
  if (type === "*" || (typeof type === "string" && Object.hasOwn(eventTypes, type))) return;
  const known = Object.keys(eventTypes);
  const guess = nearest(String(type), known);
  const allowed = `${guess ? `did you mean "${guess}"? ` : ""}"*", or one of ${known.join(", ")}`;
  throw new InvalidOptionsError([{ path: "type", given: type, allowed }]);
}
