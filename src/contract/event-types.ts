import { InvalidOptionsError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { EventType } from "./event.ts";

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
export function assertEventType(type: unknown): void {
  if (type === "*" || (typeof type === "string" && Object.hasOwn(eventTypes, type))) return;
  const known = Object.keys(eventTypes);
  const guess = nearest(String(type), known);
  const allowed = `${guess ? `did you mean "${guess}"? ` : ""}"*", or one of ${known.join(", ")}`;
  throw new InvalidOptionsError([{ path: "type", given: type, allowed }]);
}
