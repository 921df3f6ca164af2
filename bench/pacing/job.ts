import type { CallOutcome } from "../../src/contract/call.ts";
import { seededRandom } from "../../src/core/random.ts";
import { CancelScope } from "../../src/core/signal.ts";
import { AdaptiveRates } from "../../src/guard/adaptive-rate.ts";
import { BudgetLedger } from "../../src/guard/budget.ts";
import { createCallGuard } from "../../src/guard/guard.ts";
import { Pacing } from "../../src/guard/pacing.ts";
import { BreakerRegistry, RetryBudgets } from "../../src/guard/per-provider.ts";
import { resolveReliabilityConfig } from "../../src/guard/reliability-config.ts";
import { createVirtualTime, type Started } from "../../test/guard/virtual-time.ts";
import type { LimitedServer } from "./servers.ts";

/** Figures of one job against one server. */
export interface JobFigures {
  readonly answered: number;
  readonly refused: number;
  readonly tookMs: number;
  /** All calls that reached the server. */
  readonly calls: readonly Started[];
}

/** Runs a job of single calls under the guard of a run, in virtual time. An input that is refused for good is asked again. */
export async function runJob(
  server: LimitedServer,
  { inputs = 1000, concurrency = 30, isAdaptive = true, seed = 1 } = {},
): Promise<JobFigures> {
  const random = seededRandom(seed);
  const time = createVirtualTime(() => random.next() * 3);
  const { clock } = time;
  const calls: Started[] = [];
  let [answered, refused, next, tookMs] = [0, 0, 0, 0];
  const execute = async () => {
    calls.push({ atMs: clock.now(), amount: 1 });
    const refusal = server.arrive(clock.now());
    if (refusal) {
      refused++;
      await clock.sleep(5 + random.next() * 10);
      const { retryAfterMs } = refusal;
      const headers = retryAfterMs === undefined ? {} : { "retry-after": String(retryAfterMs / 1000) };
      throw Object.assign(new Error("HTTP 429"), { status: 429, headers });
    }
    await clock.sleep(server.latencyMs * (0.5 + random.next()));
    server.leave();
  };
  const breakers = new BreakerRegistry({ clock });
  const retryBudgets = new RetryBudgets();
  const guard = createCallGuard({
    scope: new CancelScope(),
    clock,
    random,
    ledger: new BudgetLedger({ limits: {}, clock }),
    emit() {},
    policies: { config: resolveReliabilityConfig({}), breakers, retryBudgets, hasFallback: () => false },
    pacing: isAdaptive ? new Pacing({ pacer: undefined, rates: new AdaptiveRates({ clock }), clock }) : undefined,
  });
  const work = async () => {
    while (next++ < inputs) {
      let outcome: CallOutcome<void>;
      do outcome = await guard({ provider: "server", modelId: "model", bound: () => undefined, execute });
      while (!outcome.ok);
      answered++;
      tookMs = clock.now();
    }
  };
  for (let worker = 0; worker < concurrency; worker++) void work();
  await time.passUntil(24 * 3_600_000);
  return { answered, refused, tookMs, calls };
}
