/** Every store fits where a store is asked for; one of your own fits by its shape. */
import { ReliableOrchestrator } from "steer-llm-sdk";
import type { ReliabilityConfig, RunStore } from "steer-llm-sdk/reliability";
import { MemoryStore } from "steer-llm-sdk/stores/memory";
import { PostgresStore } from "steer-llm-sdk/stores/postgres";
import { SqliteStore } from "steer-llm-sdk/stores/sqlite";

declare const mine: RunStore;
const reliabilityConfig: ReliabilityConfig = {
  maxRetries: 1,
  circuitBreaker: { openMs: 1_000 },
  circuitBreakers: { openai: { failureThreshold: 10 } },
  onInFlight: "reject",
  onStoreError: "run_unprotected",
};

new ReliableOrchestrator({ store: new MemoryStore(), reliabilityConfig });
new ReliableOrchestrator({ store: new SqliteStore({ path: "runs.sqlite" }) });
new ReliableOrchestrator({ store: new PostgresStore({ connectionString: "postgres://localhost/steer" }) });
new ReliableOrchestrator({ store: mine });
new ReliableOrchestrator({ store: "sqlite" });
// @ts-expect-error no store has this name
new ReliableOrchestrator({ store: "redis" });
// @ts-expect-error an in-flight key is waited for or rejected
new ReliableOrchestrator({ reliabilityConfig: { onInFlight: "ignore" } });
