import type { Clock } from "../core/clock.ts";
import type { ResolvedReliabilityConfig } from "../guard/reliability-config.ts";
import type { Planner } from "../planning/planner.ts";
import { RuleBasedPlanner } from "../planning/rules.ts";
import { GivenStore } from "../store/given-store.ts";
import { openStore, type StoreName } from "../store/open-store.ts";
import type { RunStore } from "../store/store.ts";
import { createGuardLayer } from "./fallback-layer.ts";
import { createIdempotencyLayer } from "./key/key-layer.ts";
import { createPlanLayer } from "./plan-layer.ts";
import type { RunLayer } from "./run-context.ts";
import { type ReliabilityState, stateFor } from "./state.ts";

/** What reliable runs are made of. */
export interface ReliableParts {
  readonly config: ResolvedReliabilityConfig;
  readonly planner?: Planner | undefined;
  readonly store: RunStore | StoreName;
  readonly state?: ReliabilityState | undefined;
  readonly clock?: Clock | undefined;
}

/** The rings around a reliable run, outermost first: one key once, then the plan, then the guarded calls. */
export function createReliableLayers(parts: ReliableParts): readonly RunLayer[] {
  const { config, store, planner = new RuleBasedPlanner(), state = stateFor(parts) } = parts;
  return [
    createIdempotencyLayer({
      openStore: storeOpener(store, state),
      flights: state.flightsOn(store),
      ttlMs: config.idempotencyTtlMs,
      leaseMs: config.leaseMs,
      onInFlight: config.onInFlight,
      onStoreError: config.onStoreError,
    }),
    createPlanLayer(planner, () => state.breakers()),
    createGuardLayer(state.policiesFor(config)),
  ];
}

/** Opens a store when it is first needed; once that failed, the next run tries again. */
function storeOpener(store: RunStore | StoreName, state: ReliabilityState): () => RunStore | Promise<RunStore> {
  const open = () => (typeof store === "string" ? state.storeNamed(store) : openGiven(store));
  let opened: RunStore | Promise<RunStore> | undefined;
  return () => {
    opened ??= open().then(
      (ready) => {
        opened = ready;
        return ready;
      },
      (error) => {
        opened = undefined;
        throw error;
      },
    );
    return opened;
  };
}

async function openGiven(store: RunStore): Promise<RunStore> {
  return new GivenStore(await openStore(store));
}
