import type { EventType, OrchestrationEvent } from "../contract/event.ts";
import type { Logger } from "../contract/settings.ts";
import { originalOf } from "../core/original-error.ts";
import { classify } from "../guard/classify.ts";

const levels: Partial<Record<EventType, "info" | "warn" | "error">> = {
  run_started: "info",
  run_completed: "info",
  cancelled: "info",
  warning: "warn",
  retry_scheduled: "warn",
  circuit_opened: "warn",
  fallback_started: "warn",
  timeout: "warn",
  error: "error",
  run_failed: "error",
};

/**
 * Tells a logger of an event; where it tells of an exception of somebody's own code, as `err` with its stack.
 *
 * @param isRedacted leaves that out: nobody could redact a stack
 */
export function logEvent(
  logger: Logger,
  event: OrchestrationEvent,
  { isRedacted }: { readonly isRedacted: boolean },
): void {
  const { type } = event;
  const err = isRedacted ? undefined : ownException(event);
  const level = levels[type] ?? (err === undefined ? "debug" : "warn");
  logger[level](err === undefined ? event : { ...event, err }, `steer ${type}`);
}

/** Of what can be classified the facts say enough, and its error may hold what a provider was asked. */
function ownException(event: OrchestrationEvent): unknown {
  const facts = factsOfFailure(event);
  const original = facts && originalOf(facts);
  return original !== undefined && classify(original).category === "unknown" ? original : undefined;
}

function factsOfFailure(event: OrchestrationEvent): object | undefined {
  if (event.type === "error") return event.error;
  if (event.type === "replicate_done") return event.replicate;
  // The failure of a tool was told by its `error`.
  return event.type === "run_failed" && !event.output ? event.error : undefined;
}
