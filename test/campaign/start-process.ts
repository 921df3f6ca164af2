import type { Random } from "../../src/core/random.ts";
import { ReliableOrchestrator, type ToolRegistry } from "../../src/index.ts";
import type { Planner } from "../../src/planning.ts";
import type { ReliabilityState } from "../../src/reliability.ts";
import { prices } from "./fake-tools.ts";
import type { Scenario } from "./scenario.ts";
import type { WorldClock } from "./world-clock.ts";

export type OrchestratorMaker = (registry: ToolRegistry<any>, planner?: Planner) => ReliableOrchestrator<any>;

/** What shares nothing with other processes but what the store keeps. */
export interface Process {
  readonly state: ReliabilityState;
  readonly orchestratorWith: OrchestratorMaker;
}

export function startProcess(
  { reliability }: Scenario,
  state: ReliabilityState,
  random: Random,
  clock: WorldClock,
): Process {
  // A store that was chosen keeps answers for other runs, too.
  const settings = { store: "memory" as const, state, random, clock, prices, reliabilityConfig: reliability };
  return {
    state,
    orchestratorWith: (registry, planner) => new ReliableOrchestrator({ ...settings, registry, planner }),
  };
}
