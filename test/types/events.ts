/** Events are one union, told apart by `type`; tools emit only what is theirs to say. */
import { defineTool, EventManager, type EventType, type OrchestrationEvent } from "steer-llm-sdk";

export function describe(event: OrchestrationEvent): string {
  switch (event.type) {
    case "run_completed":
      return `${event.output.status} for ${event.output.costUsd ?? "an unknown number of"} dollars`;
    case "run_failed":
      return `${event.error.code}, retryable: ${event.error.isRetryable}`;
    case "attempt_discarded":
      return event.replicateId ?? "the tool";
    case "fallback_started":
      return `${event.from} -> ${event.to}`;
    default:
      return `${event.seq satisfies number}: ${event.type satisfies EventType}`;
  }
}

const manager = new EventManager();
manager.on("warning", ({ message, code }) => console.warn(message, code));
manager.on("*", (event) => describe(event));
// @ts-expect-error a summary is no property of a warning
manager.on("warning", ({ summary }) => summary);

defineTool({
  name: "reports",
  execute(_request: unknown, _options, { events }) {
    events.emit("progress", { name: "half", data: { done: 1 } });
    // @ts-expect-error the orchestrator alone completes runs
    events.emit("run_completed", {});
    // @ts-expect-error a warning has a message
    events.emit("warning", { text: "x" });
  },
});
