import type { OrchestrationEvent } from "../../src/index.ts";
import type { RunPlan } from "./scenario.ts";

type Redact = (event: OrchestrationEvent) => OrchestrationEvent;

/** How callers hide what an event says of answers. */
export const redactions: Readonly<Record<NonNullable<RunPlan["redact"]>, Redact>> = {
  copies: (event) => blackOut(structuredClone(event)),
  in_place: blackOut,
  throws() {
    throw new Error("the redaction is broken");
  },
};

function blackOut(event: OrchestrationEvent): OrchestrationEvent {
  if (event.type === "run_started") Object.assign(event.request as object, { question: "hidden" });
  if (event.type === "replicate_done") event.replicate.data = "hidden";
  if (event.type === "partial_summary") event.summary.consensus = "hidden";
  if (event.type === "bundle_ready") event.evidenceBundle.replicates.length = 0;
  if (event.type === "run_completed") event.output.content = "hidden";
  return event;
}
