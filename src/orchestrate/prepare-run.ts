import { createId } from "../core/random.ts";
import { CancelScope } from "../core/signal.ts";
import { activeTraceId } from "../telemetry/active-trace.ts";
import { RunEvents, type RunIdentity } from "./run-events.ts";
import type { RunInput } from "./run-input.ts";
import type { ResolvedSettings } from "./settings.ts";

/** A run as it stands when it was asked for: nothing of it has been done yet. */
export interface PreparedRun extends RunIdentity {
  readonly input: RunInput;
  readonly settings: ResolvedSettings;
  readonly startedAtMs: number;
  /** Aborts when this caller leaves, with the error that the run is then to reject with. */
  readonly callerScope: CancelScope;
  readonly events: RunEvents;
}

export function prepareRun(input: RunInput, settings: ResolvedSettings): PreparedRun {
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
    events: new RunEvents({ requestId, traceId }, clock, { eventManager, onEvent, redact: options.redact }),
  };
}
