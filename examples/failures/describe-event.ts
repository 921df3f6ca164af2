import type { OrchestrationEvent } from "steer-llm-sdk";

/** An event in a line, where it tells of something that went wrong or of what is done about it. */
export function describeEvent(event: OrchestrationEvent): string | undefined {
  const about = detail(event);
  return about === undefined ? undefined : `${event.type} ${about}`.trimEnd();
}

function detail(event: OrchestrationEvent): string | undefined {
  switch (event.type) {
    case "retry_scheduled":
      return `${event.replicateId ?? ""}: ${event.error.message} (${event.error.category}), again in ${Math.round(event.delayMs)} ms`;
    case "replicate_done": {
      const { id, valid, quality } = event.replicate;
      if (!valid) return `${id}, invalid: ${quality.errors?.join("; ")}`;
      return quality.warnings && `${id}, with a warning: ${quality.warnings.join("; ")}`;
    }
    case "error":
      return `${event.error.code} (${event.error.category}, attempts: ${event.error.attempts}): ${event.error.message}`;
    case "attempt_discarded":
      return event.replicateId ?? "";
    case "circuit_opened":
    case "circuit_half_open":
    case "circuit_closed":
      return event.provider;
    case "fallback_started":
      return `${event.from} -> ${event.to}`;
    case "plan_selected":
      return `${event.toolName}: ${event.reasoning}`;
    case "warning":
      return `${event.code}: ${event.message}`;
    case "timeout":
      return `${event.limitMs} ms`;
    case "cancelled":
      return event.reason;
    default:
      return undefined;
  }
}
