import { createRegistry, ReliableOrchestrator } from "../../src/index.ts";
import { type ReliabilityConfig, ReliabilityState } from "../../src/reliability.ts";
import type { RunStore } from "../../src/store/store.ts";
import type { SharedTools } from "./tools.ts";

/** Everything happens in a second that takes minutes elsewhere: pauses, open circuits, keys that expire. */
const reliability: ReliabilityConfig = {
  maxRetries: 2,
  initialDelayMs: 5,
  maxDelayMs: 40,
  attemptTimeoutMs: 800,
  firstChunkTimeoutMs: 500,
  chunkTimeoutMs: 300,
  idempotencyTtlMs: 300,
  circuitBreaker: { failureThreshold: 10, windowMs: 1_000, openMs: 100, halfOpenRequests: 2, successThreshold: 1 },
};

const tokenPriceUsd = 1e-6;
const prices = { costUsd: ({ usage }: { usage: { totalTokens: number } }) => usage.totalTokens * tokenPriceUsd };

/** One has to renew its leases; a timer that the other one leaves behind is still there when nothing is in flight. */
const manners: readonly ReliabilityConfig[] = [
  { onInFlight: "wait", leaseMs: 3_000 },
  { onInFlight: "reject", leaseMs: 60_000 },
];

/**
 * Two orchestrators a store, each with a state of its own, as two processes have them: one waits for a key that the other
 * one runs, and the other one refuses.
 */
export function makeOrchestrators(stores: Iterable<RunStore>, { plain, backup, overHttp }: SharedTools) {
  const registry = createRegistry([plain, backup, overHttp]);
  return Array.from(stores).flatMap((store) =>
    manners.map((manner) => {
      const reliabilityConfig = { ...reliability, ...manner };
      return new ReliableOrchestrator<any>({
        store,
        registry,
        prices,
        reliabilityConfig,
        state: new ReliabilityState(),
      });
    }),
  );
}
