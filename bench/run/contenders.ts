import { bulkhead } from "cockatiel";
import {
  type OrchestrationConfig,
  Orchestrator,
  ReliableOrchestrator,
  Tool,
  type ToolContext,
} from "../../src/index.ts";
import { ReliabilityState } from "../../src/reliability.ts";
import { type Contender, cockatiel, type Work } from "../guard/contenders.ts";

/** A plain tool around whatever is measured. */
class WorkTool extends Tool<{ id: string }, number> {
  readonly name = "work";
  work: Work = async () => 0;

  execute(_request: { id: string }, _options: object, context: ToolContext): Promise<number> {
    return this.work(() => context.signal);
  }
}

const request = { id: "a" };
const reliabilityConfig = { maxRetries: 3, initialDelayMs: 0, attemptTimeoutMs: 30_000 };

/** What a run of the orchestrator is asked beside its tool and request. */
interface Asked {
  readonly options?: OrchestrationConfig;
  readonly onEvent?: () => void;
}

function runsOn(orchestrator: Orchestrator, ask: () => Asked = () => ({})): Contender {
  const tool = new WorkTool();
  return (work, signal) => {
    tool.work = work;
    return orchestrator.run({ tool, request, signal, ...ask() });
  };
}

/** Checked options and a copied request, one attempt, usage, ids. */
export function orchestrator(): Contender {
  return runsOn(new Orchestrator());
}

/** And a plan, retry, circuit breaker, attempt timeout. */
export function reliable(): Contender {
  return runsOn(reliableOrchestrator());
}

/** And a deadline, a budget, a listener that hears each event. */
export function reliableWithAll(): Contender {
  const options = { timeoutMs: 60_000, budget: { tokens: 1_000_000, costUsd: 10 } };
  return runsOn(reliableOrchestrator(), () => ({ options, onEvent: () => {} }));
}

/** The defaults, and a new idempotency key each time, in memory. */
export function reliableWithKey(): Contender {
  let keys = 0;
  return runsOn(reliableOrchestrator(), () => ({ options: { idempotencyKey: `key-${keys++}` } }));
}

/** A state of its own, so that one contender's failures are not another's. */
function reliableOrchestrator(): ReliableOrchestrator {
  return new ReliableOrchestrator({ reliabilityConfig, state: new ReliabilityState() });
}

/** Bulkhead, retry, circuit breaker, attempt timeout, total timeout. */
export function cockatielWithAll(): Contender {
  return cockatiel(bulkhead(100_000));
}
