import * as v from "valibot";
import type { JSONValue } from "../core/json.ts";
import {
  checkedBy,
  declareOptions,
  finiteNumber,
  milliseconds,
  nested,
  type OptionsInput,
  type ResolvedOptions,
  text,
  trueOrFalse,
  wholeNumber,
} from "../core/options.ts";
import { budgetEntries } from "./bundle-options.ts";
import type { OrchestrationEvent } from "./event.ts";
import { optionPlaces } from "./option-places.ts";

/** Stands in place of a key for the fingerprint of what is asked. */
export const automaticKey = "auto";

export const orchestrationConfig = declareOptions(
  "OrchestrationConfig",
  "options",
  {
    /** Most calls of the run in flight at once. */
    maxParallel: v.optional(wholeNumber({ minimum: 1, unit: "calls" }), 10),
    /** Deadline of the whole run. Default: none. */
    timeoutMs: v.optional(milliseconds({ minimum: 1 })),
    /** Ceilings of the run, kept before anything is spent. Default: none. */
    budget: v.optional(nested(budgetEntries)),
    /** Emit `delta` events while answers arrive. */
    streaming: v.optional(trueOrFalse(), false),
    /** Handed through to the output's metadata. */
    metadata: v.optional(
      checkedBy<Record<string, JSONValue>>(
        (value) => typeof value === "object" && value !== null && !Array.isArray(value),
        "an object of JSON values",
      ),
    ),
    /**
     * One execution a key, however many callers ask and however often. With `"auto"`, equal requests to one tool share a key:
     * they are one execution for as long as it is kept. Needs `ReliableOrchestrator`.
     */
    idempotencyKey: v.optional(text()),
    /** Ties the run to a distributed trace. Default: the active OpenTelemetry trace, else the request id. */
    traceId: v.optional(text()),
    /** Names the run. Default: a new unique id. */
    requestId: v.optional(text()),
    /** Below this confidence, `metadata.belowMinConfidence` is true and a `warning` says so. */
    qualityRequirements: v.optional(
      nested({
        /** The confidence that a consensus should have. Default: none. */
        minConfidence: v.optional(finiteNumber({ minimum: 0, maximum: 1 })),
      }),
    ),
    /**
     * A consensus with less confidence than `below` waits for a person: the run ends as `partial` with
     * `metadata.needsReview`, kept under its key, and `orchestrator.resolve` completes it. Needs `idempotencyKey`.
     */
    review: v.optional(
      nested({
        /** The confidence from which on no person is asked. */ below: finiteNumber({ minimum: 0, maximum: 1 }),
      }),
    ),
    /**
     * Receives a copy of every event and log line first, and returns what others may see. Answers stand in it once, as
     * JSON; `reasoning` of a replicate is text of the model, too.
     */
    redact: v.optional(
      checkedBy<(event: OrchestrationEvent) => OrchestrationEvent>(
        (value) => typeof value === "function",
        "a function from an event to an event",
      ),
    ),
  },
  optionPlaces,
);

/** Options of a run. */
export interface OrchestrationConfig extends OptionsInput<typeof orchestrationConfig> {
  timeoutMs?: number | undefined;
}
export type ResolvedOrchestrationConfig = ResolvedOptions<typeof orchestrationConfig>;
