import { describe, expect, it } from "vitest";
import type { Call, CallAttempt } from "../../src/contract/call.ts";
import { BudgetExceeded, CancelledError } from "../../src/contract/errors.ts";
import { InvalidOutputError } from "../../src/contract/invalid-output-error.ts";
import type { Budget } from "../../src/contract/usage.ts";
import { seededRandom } from "../../src/core/random.ts";
import { CancelScope } from "../../src/core/signal.ts";
import { BreakerRegistry } from "../../src/guard/breaker-registry.ts";
import { BudgetLedger } from "../../src/guard/budget.ts";
import { createCallGuard } from "../../src/guard/guard.ts";
import { type ReliabilityConfig, resolveReliabilityConfig } from "../../src/guard/reliability-config.ts";
import { RetryBudgets } from "../../src/guard/retry-budget.ts";
import { RetryableError } from "../../src/guard/retryable-error.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";

interface SetUp {
  limits?: Budget;
  config?: ReliabilityConfig | false;
  hasFallback?: boolean;
}

function setUp({ limits = {}, config = {}, hasFallback = false }: SetUp = {}) {
  const clock = createFakeClock();
  const scope = new CancelScope();
  const ledger = new BudgetLedger({ limits, clock });
  const events: { type: string; attempt: number; [key: string]: unknown }[] = [];
  const breakers = new BreakerRegistry({ clock });
  const policies = config && {
    config: resolveReliabilityConfig(config),
    breakers,
    retryBudgets: new RetryBudgets(),
    hasFallback: () => hasFallback,
  };
  const guard = createCallGuard({
    scope,
    clock,
    random: seededRandom(1),
    ledger,
    emit: (type, data, attempt) => events.push({ type, attempt, ...data }),
    policies: policies || undefined,
  });
  const typesOfEvents = () => events.map((event) => event.type);
  return { clock, scope, ledger, events, typesOfEvents, breakers, guard };
}

function call<R>(execute: (attempt: CallAttempt) => PromiseLike<R> | R, more: Partial<Call<R>> = {}): Call<R> {
  return { provider: "p", bound: () => undefined, execute, ...more };
}

const failing = (status: number, headers: Record<string, string> = {}) =>
  Object.assign(new Error(`HTTP ${status}`), { status, headers });
const usage = (inputTokens: number, outputTokens: number) => ({
  inputTokens,
  outputTokens,
  totalTokens: inputTokens + outputTokens,
});

describe("a guarded call", () => {
  it("tries once, and only once, without policies", async () => {
    const { guard } = setUp({ config: false });
    const outcome = await guard(call(() => Promise.reject(failing(503))));
    expect(outcome).toMatchObject({ ok: false, attempts: 1, failure: { category: "server_error", isRetryable: true } });
  });

  it("retries a plain 503 and a reset connection, and gives the value and what all attempts used", async () => {
    const { guard, clock, ledger, events } = setUp();
    const steps = [failing(503), Object.assign(new TypeError("fetch failed"), { cause: { code: "ECONNRESET" } })];
    const pending = guard(
      call(({ attempt, spend, ...rest }) => {
        (rest as CallAttempt).commit;
        const error = steps[attempt - 1];
        if (error) throw error;
        return "answer";
      }),
    );
    await clock.runAll();
    expect(await pending).toMatchObject({ ok: true, value: "answer", attempts: 3 });
    expect(events.map(({ type, attempt }) => `${type} ${attempt}`)).toEqual(["retry_scheduled 1", "retry_scheduled 2"]);
    expect(ledger.spent.costUsd).toBe(0);
  });
});
