import { ConflictError } from "../contract/errors.ts";
import type { OrchestrationEvent } from "../contract/event.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import type { LoggedRun, LoggedRunDetails } from "../store/log/event-log.ts";
import type { Caller } from "./access.ts";

/** Begins the ids and the keys of a client's runs. */
export function prefixOf({ name }: Caller): string {
  return name === "" ? "" : `${name}.`;
}

/** Returns an output as its client knows the run: by the key that it gave, and one id, also where another request continued it. */
export function outputFor<O extends OrchestrationOutput>(output: O, runId: string, caller: Caller): O {
  const { needsReview } = output.metadata;
  const metadata = needsReview && {
    ...output.metadata,
    needsReview: { ...needsReview, key: keyFor(needsReview.key, caller) },
  };
  return { ...output, requestId: runId, ...(metadata && { metadata }) };
}

/** Returns a run of the log as its client knows it. */
export function runFor<R extends LoggedRun | LoggedRunDetails>(run: R, caller: Caller): R {
  const { key, output, ...others } = run as LoggedRunDetails;
  const { runId } = run;
  return {
    ...others,
    requestId: runId,
    // A queue needs a key for every run: it is the run's id where the client gave none.
    ...(key !== undefined && key !== runId && { key: keyFor(key, caller) }),
    ...(output && { output: outputFor(output, runId, caller) }),
  } as R;
}

/** Returns an event of a run as its client knows it. */
export function eventFor(event: OrchestrationEvent, runId: string, caller: Caller): OrchestrationEvent {
  const { output } = event as { readonly output?: OrchestrationOutput };
  const shown = { ...event, requestId: runId, ...(output && { output: outputFor(output, runId, caller) }) };
  if (shown.type !== "warning" || shown.code !== "needs_review") return shown as OrchestrationEvent;
  const decide = `POST /v1/runs/${encodeURIComponent(runId)}/resolve with {"accept": true}, or {"consensus": …} with another.`;
  return { ...shown, message: shown.message.replace(/orchestrator\.resolve\(.*$/s, decide) };
}

const conflicts = {
  fingerprint:
    "it was already used with a different request, tool or options. Use a new key for a new request, or send the same request again.",
  in_flight: "a run of it goes on. Ask again later, or follow that run, which GET /v1/runs lists by its key.",
  decided: "its review was decided before. GET /v1/runs/ID shows what was decided.",
} as const satisfies Record<ConflictError["reason"], string>;

/** Returns an error as its client knows the run. */
export function errorFor(error: unknown, caller: Caller): unknown {
  if (!ConflictError.isInstance(error)) return error;
  const { key, reason, retryAfterMs } = error;
  return new ConflictError(keyFor(key, caller), conflicts[reason], { reason, retryAfterMs });
}

function keyFor(key: string, caller: Caller): string {
  const prefix = prefixOf(caller);
  return key.startsWith(prefix) ? key.slice(prefix.length) : key;
}
