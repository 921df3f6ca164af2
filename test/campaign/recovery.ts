import { createRegistry, defineTool } from "../../src/index.ts";
import type { Recovery } from "./history.ts";
import type { Scenario } from "./scenario.ts";
import type { OrchestratorMaker, Process } from "./start-process.ts";
import type { WorldClock } from "./world-clock.ts";

/** The longest pause that a provider asks for, and some jitter. */
const longestPauseMs = 8_000;

/** Calls each provider whose circuit is not closed, for as long as its circuit needs, and longer; it is well again. */
export async function recover(
  processes: readonly Process[],
  scenario: Scenario,
  clock: WorldClock,
): Promise<Recovery[]> {
  const recoveries: Recovery[] = [];
  const plan = planOf(scenario);
  for (const [process, { state, orchestratorWith }] of processes.entries())
    for (const [provider, kind] of Object.entries(state.breakers())) {
      if (kind === "closed") continue;
      const answered = await callAgain(provider, plan, orchestratorWith, clock);
      recoveries.push({
        process,
        provider,
        asked: plan.calls,
        answered,
        endsAs: state.breakers()[provider] ?? "closed",
      });
    }
  return recoveries;
}

/** How long a call takes, how long it is to the next one, and how many it takes until the circuit has to be closed. */
function planOf({ recovery, reliability }: Scenario) {
  const { circuitBreaker, attemptTimeoutMs = Number.POSITIVE_INFINITY } = reliability;
  const { openMs } = circuitBreaker;
  const latencyMs = Math.min((recovery.latency / 10) * openMs, attemptTimeoutMs / 2);
  const pauseMs = (recovery.pause / 10) * openMs;
  return { latencyMs, pauseMs, calls: 8 + Math.ceil((2 * openMs + 3 * latencyMs) / pauseMs) };
}

async function callAgain(
  provider: string,
  { latencyMs, pauseMs, calls }: ReturnType<typeof planOf>,
  orchestratorWith: OrchestratorMaker,
  clock: WorldClock,
): Promise<number> {
  const tool = defineTool({ name: "well", provider, execute: () => clock.world.sleep(latencyMs) });
  const orchestrator = orchestratorWith(createRegistry([tool]));
  let answered = 0;
  let ended = 0;
  const call = async () => {
    const { status } = await orchestrator.run({ tool, request: {} });
    ended++;
    if (status === "completed") answered++;
  };
  for (let nth = 0; nth < calls; nth++) clock.world.schedule(() => void call(), longestPauseMs + nth * pauseMs);
  await clock.runUntil(() => ended === calls);
  return answered;
}
