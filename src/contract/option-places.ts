import type { OptionPlaces } from "../core/options.ts";

/** Options by the place where they are written, so that a misplaced one is told its place whatever else is loaded. */
export const optionPlaces: OptionPlaces = [
  [
    "toolOptions",
    [
      "k",
      "seeds",
      "epsilon",
      "stopping",
      "schemaUri",
      "schema",
      "maxParallel",
      "perReplicateBudget",
      "globalBudget",
      "compare",
      "fields",
      "escalate",
      "resample",
    ],
  ],
  [
    "options",
    [
      "maxParallel",
      "timeoutMs",
      "budget",
      "streaming",
      "metadata",
      "idempotencyKey",
      "traceId",
      "requestId",
      "qualityRequirements",
      "review",
      "redact",
    ],
  ],
  [
    "reliabilityConfig",
    [
      "maxRetries",
      "initialDelayMs",
      "maxDelayMs",
      "exponentialBase",
      "jitter",
      "maxTotalDelayMs",
      "circuitBreaker",
      "circuitBreakers",
      "idempotencyTtlMs",
      "leaseMs",
      "attemptTimeoutMs",
      "firstChunkTimeoutMs",
      "chunkTimeoutMs",
      "onInFlight",
      "storeRetryMs",
      "onStoreError",
    ],
  ],
];

/** The same for a bundle tool where it is made: bundle options stand in its `defaultOptions`. */
export const bundleToolPlaces: OptionPlaces = optionPlaces.map(([place, names]) => [
  place === "toolOptions" ? "defaultOptions" : place,
  names,
]);
