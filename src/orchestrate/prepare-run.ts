import { type EnclosingWork, enclosingWork } from "../contract/enclosing-work.ts";
import { createId } from "../core/random.ts";
import { CancelScope } from "../core/signal.ts";
import { activeTraceId } from "../telemetry/opentelemetry.ts";
import type { JobTry } from "./job/job-input.ts";
import type { Outcome } from "./job/verdict.ts";
import { RunEvents, type RunIdentity } from "./run-events.ts";
import type { RunInput } from "./run-input.ts";
import type { ResolvedSettings } from "./settings.ts";

/** A run that was asked for and has done nothing yet. */
export interface PreparedRun extends RunIdentity {
  readonly input: RunInput;
  readonly settings: ResolvedSettings;
  readonly startedAtMs: number;
  /** Aborts when this caller leaves, with the error that the run then rejects with. */
  readonly callerScope: CancelScope;
  /** Try of a job's input that this run is. */
  readonly jobTry?: JobTry | undefined;
  /** Returns true of an outcome after which the queue tries the run again: its event log then gets no end. */
  readonly willBeRetried?: ((outcome: Outcome) => boolean) | undefined;
  /** Attempt of another run whose code has asked for this one; `"over"` once that attempt has ended. */
  readonly enclosing: EnclosingWork | "over" | undefined;
  readonly events: RunEvents;
}

/** Gives a checked input its ids, its scope and its events. */
export function prepareRun(input: RunInput, settings: ResolvedSettings, jobTry?: JobTry | undefined): PreparedRun {
  const { options, eventManager, onEvent } = input;
  const { clock, random } = settings;
  const requestId = options.requestId ?? createId(random);
  const traceId = options.traceId ?? activeTraceId() ?? requestId;
  return {
    requestId,
    traceId,
    input,
    settings,
    startedAtMs: clock.now(),
    callerScope: new CancelScope(),
    jobTry,
    enclosing: enclosingWork(),
    events: new RunEvents({ requestId, traceId }, clock, { eventManager, onEvent, redact: options.redact }),
  };
}
