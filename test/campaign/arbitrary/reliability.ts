import fc from "fast-check";
import type { ReliabilityPlan } from "../scenario.ts";
import { inPercent, maybe, milliseconds } from "./chance.ts";

export const reliability: fc.Arbitrary<ReliabilityPlan> = fc.record({
  maxRetries: fc.nat(3),
  initialDelayMs: milliseconds(2_000),
  maxDelayMs: milliseconds(20_000),
  leaseMs: fc.constantFrom(1_000, 30_000),
  idempotencyTtlMs: fc.constantFrom(0, 5_000, 3_600_000),
  attemptTimeoutMs: maybe(50, fc.integer({ min: 1, max: 20_000 })),
  firstChunkTimeoutMs: maybe(30, fc.integer({ min: 1, max: 5_000 })),
  chunkTimeoutMs: maybe(30, fc.integer({ min: 1, max: 2_000 })),
  onInFlight: inPercent(20, fc.constant("reject" as const), "wait" as const),
  onStoreError: inPercent(30, fc.constant("run_unprotected" as const), "fail" as const),
  circuitBreaker: fc.oneof(
    ...[1, 2, 3].map((halfOpenRequests) =>
      fc.record({
        failureThreshold: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 20 })),
        openMs: fc.oneof(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 20_000 })),
        halfOpenRequests: fc.constant(halfOpenRequests),
        successThreshold: fc.integer({ min: 1, max: halfOpenRequests }),
      }),
    ),
  ),
});
