/**
 * Job: give a run's events their numbers and ids, and hand them to everyone who listens.
 * Boundary: knows nothing of what the run does.
 * Invariants:
 * 1. `seq` starts at 0 and has no gap.
 * 2. `redact` sees an event before anyone else; one that it fails on reaches nobody's eyes but by its type.
 * 3. Exactly one terminal event, and none after it.
 * 4. No listener fails the run, and none is waited for.
 */
import type { CallAttempt } from "../contract/call.ts";
import { outsideOfWork } from "../contract/enclosing-work.ts";
import type {
  EventData,
  EventManager,
  EventType,
  OrchestrationEvent,
  ToolEvents,
  ToolEventType,
} from "../contract/event.ts";
import { plainCopy } from "../core/canonical.ts";
import { type Clock, timestamp } from "../core/clock.ts";
import { Emitter, type OnListenerError } from "../core/emitter.ts";
import { ignorePromise } from "../core/thenable.ts";
import type { CountableEvent, EventMeter } from "../telemetry/run-metrics.ts";

export interface RunIdentity {
  readonly traceId: string;
  readonly requestId: string;
}

export interface RunListeners {
  readonly eventManager?: EventManager | undefined;
  readonly onEvent?: ((event: OrchestrationEvent) => void) | undefined;
  readonly redact?: Redact | undefined;
}

type Redact = (event: OrchestrationEvent) => OrchestrationEvent;

/** What every event says. */
interface EventBase {
  readonly type: EventType;
}

/** Hears every event, and what others who hear it throw. */
export interface RunLog {
  readonly onEvent: (event: OrchestrationEvent) => unknown;
  readonly onListenerError: OnListenerError;
}

/** Events of which a slow reader may miss some. */
const droppable: ReadonlySet<EventType> = new Set<EventType>(["delta", "progress"]);
const emitterOptions = { isDroppable: ({ type }: OrchestrationEvent) => droppable.has(type) };
const terminal: ReadonlySet<EventType> = new Set<EventType>(["run_completed", "run_failed", "cancelled"]);

/** What a tool may emit itself; a type that is added does not compile until it stands here. */
const ofTools: Readonly<Record<ToolEventType, true>> = {
  warning: true,
  error: true,
  delta: true,
  progress: true,
  replicate_started: true,
  replicate_done: true,
  partial_summary: true,
  bundle_ready: true,
};

export class RunEvents {
  readonly #identity: RunIdentity;
  readonly #clock: Clock;
  readonly #redact: RunListeners["redact"];
  readonly #emitter = new Emitter<OrchestrationEvent>(emitterOptions);
  #onListenerError: OnListenerError | undefined = undefined;
  #unredacted: { readonly base: EventBase; readonly data: object }[] = [];
  #seq = 0;
  #isOver = false;
  /** The name of the tool that runs. */
  source = "";
  /** Counts events, also those that nobody listens to: it is no listener. */
  meter: EventMeter | undefined = undefined;

  constructor(identity: RunIdentity, clock: Clock, listeners: RunListeners) {
    this.#identity = identity;
    this.#clock = clock;
    const { eventManager, onEvent, redact } = listeners;
    this.#redact = redact;
    if (eventManager) this.#emitter.on((event) => eventManager.deliver(event, this.#onListenerError));
    if (onEvent) this.#emitter.on(onEvent);
  }

  /** Keeps a log from now on. */
  logTo({ onEvent, onListenerError }: RunLog): void {
    this.#emitter.on(onEvent);
    this.#onListenerError = onListenerError;
  }

  /** Whether there was an event yet. */
  get hasBegun(): boolean {
    return this.#seq > 0;
  }

  /** Whether an event would reach anyone. */
  get isHeard(): boolean {
    return this.#emitter.isHeard;
  }

  emit<E extends EventType>(type: E, data: EventData[E], attempt = 1): void {
    if (this.#isOver) return;
    this.#isOver = terminal.has(type);
    this.meter?.({ type, ...data } as CountableEvent, this.source);
    const seq = this.#seq++;
    if (!this.isHeard) return;
    const base = {
      type,
      seq,
      timestamp: timestamp(this.#clock),
      traceId: this.#identity.traceId,
      requestId: this.#identity.requestId,
      source: this.source,
      attempt,
    };
    if (this.#redact) this.#redactInTurn(base, data, this.#redact);
    else this.#deliver(Object.assign(base, data));
  }

  /** An event that comes while another is redacted waits for that one. */
  #redactInTurn(base: EventBase, data: object, redact: Redact): void {
    if (this.#unredacted.push({ base, data }) > 1) return;
    for (const { base, data } of this.#unredacted) this.#deliver(this.#redacted({ ...base, ...data }, base, redact));
    this.#unredacted.length = 0;
  }

  #deliver(event: { readonly type: EventType }): void {
    // A run that a listener starts is no part of the attempt that the event is about.
    outsideOfWork(() => this.#emitter.emit(event as OrchestrationEvent, this.#onListenerError));
    if (terminal.has(event.type)) this.#emitter.end();
  }

  /**
   * A tool's own way to report, in which an attempt's number stands.
   *
   * @param delivers the attempt, which a delta that reaches anyone commits
   */
  forTool(attempt: number, delivers?: Pick<CallAttempt, "commit">): ToolEvents {
    return {
      emit: (type, data) => {
        // A tool in plain JavaScript must not end its run by a word.
        if (!Object.hasOwn(ofTools, type)) return;
        if (type === "delta" && this.#emitter.isHeard) delivers?.commit();
        this.emit(type, data, attempt);
      },
    };
  }

  /** There are no events: the run was refused at the edge. */
  end(error: unknown): void {
    this.#isOver = true;
    this.#emitter.end(error);
  }

  /** Everything from now on, for `for await`. */
  read(onLeave: () => void): AsyncIterableIterator<OrchestrationEvent> {
    return this.#emitter.read(onLeave);
  }

  #redacted(event: object, base: EventBase, redact: Redact): EventBase {
    try {
      // Of a copy, for what an event tells of is what the run goes on with. Order and identity are the run's to say.
      const redacted = redact(plainCopy(event as OrchestrationEvent, base.type));
      return ignorePromise(redacted) ? base : { ...redacted, ...base };
    } catch {
      return base;
    }
  }
}
