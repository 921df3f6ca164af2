/**
 * Job: give a run's events their numbers and ids, and hand them to all listeners.
 * Boundary: knows nothing of what the run does.
 * Invariants:
 * 1. `seq` starts at 0 and has no gap; an `emit` that throws takes no number.
 * 2. `redact` sees an event before every listener. Of an event that it fails on, listeners get the envelope alone.
 * 3. Exactly one terminal event, and none after it.
 * 4. No listener fails the run, and none is waited for.
 * 5. The envelope is the run's: no data overrides a type, a number or an id.
 * 6. Listeners get a frozen copy, and `redact` a copy of its own: neither changes what the run goes on with.
 */
import { withAnswersOnce, withAnswersTwice } from "../contract/bundle-json.ts";
import type { CallAttempt } from "../contract/call.ts";
import { outsideOfWork } from "../contract/enclosing-work.ts";
import {
  type Envelope,
  type EventData,
  type EventManager,
  type EventType,
  inEnvelope,
  type OrchestrationEvent,
  type ToolEvents,
  type ToolEventType,
} from "../contract/event.ts";
import { frozenCopy, plainCopy } from "../core/canonical.ts";
import { type Clock, timestamp } from "../core/clock.ts";
import { Emitter, type OnListenerError } from "../core/emitter.ts";
import { keepOriginal, originalOf } from "../core/error-marks.ts";
import { messageOf } from "../core/errors.ts";
import { ignorePromise } from "../core/thenable.ts";
import type { CountableEvent, EventMeter } from "../telemetry/run-metrics.ts";
import type { RunRecording } from "./event-log/recording.ts";

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

/** Hears every event, and what others who hear it throw. */
export interface RunLog {
  readonly onEvent: (event: OrchestrationEvent) => unknown;
  readonly onListenerError: OnListenerError;
}

/** Events of which a slow reader may miss some. */
const droppable: ReadonlySet<EventType> = new Set<EventType>(["delta", "progress"]);
const emitterOptions = { isDroppable: ({ type }: OrchestrationEvent) => droppable.has(type) };
const terminal: ReadonlySet<EventType> = new Set<EventType>(["run_completed", "run_failed", "cancelled"]);

/** Types that a tool may emit itself; one that is added does not compile until it stands here. */
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

/** An event that waits for its turn to be redacted. */
interface UnredactedEvent {
  readonly envelope: Envelope;
  readonly data: object;
  readonly isRelayed: boolean;
}

export class RunEvents {
  readonly #identity: RunIdentity;
  readonly #clock: Clock;
  readonly #redact: RunListeners["redact"];
  readonly #emitter = new Emitter<OrchestrationEvent>(emitterOptions);
  #onListenerError: OnListenerError | undefined = undefined;
  readonly #unredacted: UnredactedEvent[] = [];
  #seq = 0;
  #isOver = false;
  /** The name of the tool that runs. */
  source = "";
  /** Counts events, also those without a listener. */
  meter: EventMeter | undefined = undefined;
  /** Keeps the events in the event log. */
  recording: RunRecording | undefined = undefined;

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

  /** Records the run from now on. */
  recordIn(recording: RunRecording): void {
    this.recording = recording;
    recording.onFailure = (error) => {
      const message = `The run goes on without its event log: ${messageOf(error)}`;
      this.emit("warning", { code: "event_log_failed", message });
    };
  }

  /** True once there was an event. */
  get hasBegun(): boolean {
    return this.#seq > 0;
  }

  /** True where an event would reach a listener, a reader or the event log. */
  get isHeard(): boolean {
    return this.#emitter.isHeard || (this.recording?.isHearing ?? false);
  }

  /** True where an event would reach a listener or a reader. */
  get hasListeners(): boolean {
    return this.#emitter.isHeard;
  }

  /** @param isRelayed true of an event of another execution, whose log has it */
  emit<E extends EventType>(type: E, data: EventData[E], attempt = 1, isRelayed = false): void {
    // The execution under a key may outlast its caller, for others who wait for it.
    if (this.#isOver && !this.recording?.isWorking) return;
    const { isHeard } = this;
    // Copied before the number is taken: a getter in the data may throw.
    const heard = isHeard ? copyForListeners(data) : undefined;
    this.meter?.({ ...data, type } as CountableEvent, this.source);
    if (terminal.has(type)) this.#isOver = true;
    const seq = this.#seq++;
    if (!heard) return;
    const envelope: Envelope = {
      type,
      seq,
      timestamp: timestamp(this.#clock),
      traceId: this.#identity.traceId,
      requestId: this.#identity.requestId,
      source: this.source,
      attempt,
    };
    if (this.#redact) this.#redactInTurn({ envelope, data: heard, isRelayed }, this.#redact);
    else this.#deliver(inEnvelope(envelope, heard), isRelayed);
  }

  /** An event that comes while another is redacted waits for that one. */
  #redactInTurn(event: UnredactedEvent, redact: Redact): void {
    if (this.#unredacted.push(event) > 1) return;
    for (const { envelope, data, isRelayed } of this.#unredacted)
      this.#deliver(redacted(envelope, data, redact), isRelayed);
    this.#unredacted.length = 0;
  }

  #deliver(event: { readonly type: EventType }, isRelayed: boolean): void {
    // A run that a listener starts is not part of the attempt that the event is about.
    outsideOfWork(() => {
      this.#emitter.emit(event as OrchestrationEvent, this.#onListenerError);
      if (!isRelayed) this.recording?.hear(event as OrchestrationEvent);
    });
    if (terminal.has(event.type)) this.#emitter.end();
  }

  /** Hands on an event of the execution that this run waits for, under this run's ids and numbers. */
  relay(event: OrchestrationEvent): void {
    this.source = event.source;
    this.emit(event.type, event, event.attempt, true);
  }

  /** Hears that the execution under the run's key has ended: where it outlasted its caller, the log hears of its end. */
  endWork(emitEnd: () => void): void {
    if (!this.recording?.isWorking) return;
    this.recording.isWorking = false;
    if (!this.#isOver) return;
    this.meter = undefined;
    this.#isOver = false;
    emitEnd();
  }

  /**
   * Returns the events of one attempt of a tool, under the attempt's number.
   *
   * @param delivers the attempt, which a delivered delta commits
   */
  forTool(attempt: number, delivers?: Pick<CallAttempt, "commit">): ToolEvents {
    return {
      emit: (type, data) => {
        // A tool in plain JavaScript must not end its run by an event of another type.
        if (!Object.hasOwn(ofTools, type)) return;
        if (type === "delta" && this.#emitter.isHeard) delivers?.commit();
        this.emit(type, data, attempt);
      },
    };
  }

  /** Ends the events of a run that was refused at the edge, before the first one. */
  end(error: unknown): void {
    this.#isOver = true;
    this.#emitter.end(error);
  }

  /** Returns a reader of every event from now on. */
  read(onLeave: () => void): AsyncIterableIterator<OrchestrationEvent> {
    return this.#emitter.read(onLeave);
  }
}

/** Returns what `redact` makes of a copy of the event, in the envelope of the run. */
function redacted(envelope: Envelope, data: object, redact: Redact): Envelope {
  try {
    const event = withAnswersOnce(inEnvelope(envelope, data) as OrchestrationEvent);
    const given: unknown = redact(plainCopy(event, envelope.type));
    return inEnvelope(envelope, ignorePromise(given) ? {} : frozenCopy(withAnswersTwice(Object(given))));
  } catch {
    return inEnvelope(envelope, {});
  }
}

/** Returns a frozen copy of an event's data, whose errors still lead to what was thrown. */
function copyForListeners(data: object): object {
  const copy = frozenCopy(data);
  const { error, replicate, output } = data as HeardData;
  const heard = copy as HeardData;
  carryOriginal(error, heard.error);
  carryOriginal(replicate, heard.replicate);
  for (const [name, failure] of Object.entries(output?.errors ?? {}))
    carryOriginal(failure, heard.output?.errors?.[name]);
  return copy;
}

interface HeardData {
  readonly error?: object;
  readonly replicate?: object;
  readonly output?: { readonly errors?: Readonly<Record<string, object>> };
}

function carryOriginal(from: object | undefined, to: object | undefined): void {
  const original = from && originalOf(from);
  if (original !== undefined && to) keepOriginal(to, original);
}
