import {
  BudgetLedger,
  CancelScope,
  CircuitBreaker,
  CircuitOpenError,
  Cooldown,
  classify,
  createGuard,
  createMemoryPacer,
  ReliabilityState,
  RetryableError,
  RetryBudget,
  withFallback,
} from "../../../src/reliability.ts";
import { createFakeClock } from "../../../src/testing.ts";
import { onCounts, onTexts, onValues, type Probe, range } from "../probe.ts";

const usage = { inputTokens: 1, outputTokens: 1, totalTokens: 2 };
const spent = { usage, costUsd: 0 };

export const reliabilityProbes: readonly Probe[] = [
  onTexts("classify", (text) => classify(new Error(text)), "classify, a message"),
  onTexts(
    "classify",
    (text) => [
      classify(
        Object.assign(new Error("refused"), {
          status: 429,
          responseBody: text,
          responseHeaders: { "retry-after": text },
        }),
      ),
      classify(
        Object.assign(new Error("refused"), {
          status: 400,
          responseBody: JSON.stringify({ error: { message: text, code: text } }),
        }),
      ),
    ],
    "classify, a body",
  ),
  onTexts(
    "classify",
    (text) => classify(Object.assign(new Error("x", { cause: new Error(text) }), { name: text, code: text })),
    "classify, a cause",
  ),
  onValues(
    "classify",
    (value) => classify(Object.assign(new Error("refused"), { status: 500, data: value, error: value })),
    "classify, data",
  ),
  onCounts(
    "classify",
    (count) =>
      classify(range(count).reduce((cause: Error | undefined, at) => new Error(`level ${at}`, { cause }), undefined)),
    "classify, many causes",
  ),
  onTexts(
    "createGuard, new RetryableError",
    (text) =>
      createGuard({
        name: text,
        retry: { maxRetries: 0 },
        clock: createFakeClock(),
        onEvent: () => {},
      }).run(() => {
        throw Object.assign(new Error(text), { isRetryable: false });
      }),
    "createGuard",
  ),
  onValues("createGuard", (value) => createGuard(value), "createGuard, its options"),
  onCounts("withFallback", (count) =>
    withFallback({
      candidates: range(count) as [number, ...number[]],
      run: (at) => {
        if (at < count - 1) throw new RetryableError("busy");
        return at;
      },
    }),
  ),
  onCounts(
    "new BudgetLedger, BudgetLedger.reserve, Reservation.settle, BudgetLedger.remaining, BudgetLedger.child",
    async (count) => {
      const ledger = new BudgetLedger({ limits: { tokens: 10, timeMs: 60_000 } });
      const waiting = range(count).map(() => ledger.reserve({ bound: () => ({ tokens: 10 }) }));
      for (const reservation of waiting)
        (await reservation).settle({ usage: { inputTokens: 0, outputTokens: 0, totalTokens: 0 }, costUsd: 0 });
      ledger.child({ tokens: 1 }).remaining();
    },
    "BudgetLedger.reserve, many wait",
  ),
  onCounts(
    "Reservation.charge, Reservation.release, BudgetLedger.forCall, BudgetLedger.innerTime, BudgetLedger.leftMs, BudgetLedger.prolong",
    async (count) => {
      const ledger = new BudgetLedger({ limits: { tokens: 10 * count, timeMs: 60_000 } });
      const held = await Promise.all(
        range(count).map(() => ledger.forCall({ tokens: 2 }).reserve({ bound: () => ({ tokens: 2 }) })),
      );
      for (const reservation of held) {
        reservation.charge(spent);
        reservation.release();
        ledger.prolong(ledger.leftMs());
        ledger.innerTime();
      }
    },
    "Reservation.charge, many held",
  ),
  onCounts("createMemoryPacer", async (count) => {
    const pacer = createMemoryPacer({ crm: { maxConcurrent: 1 } });
    const { signal } = new AbortController();
    const waiting = range(count).map(() => pacer.reserve("crm", { requests: 1, tokens: 0 }, signal));
    for (const reservation of waiting) (await reservation).settle({ tokens: 0 });
  }),
  onValues("createMemoryPacer", (value) => createMemoryPacer(value), "createMemoryPacer, its limits"),
  onCounts(
    "new CancelScope, CancelScope.onAbort, CancelScope.abort, CancelScope.race, CancelScope.dispose",
    async (count) => {
      const controller = new AbortController();
      const scope = new CancelScope(controller.signal);
      const inner = range(count).map(() => new CancelScope(scope));
      const leave = range(count).map(() => scope.onAbort(() => {}));
      const races = inner.map((one) => one.race(new Promise(() => {})).catch(() => {}));
      for (const left of leave.slice(0, count / 2)) left();
      for (const one of inner.slice(0, count / 2)) one.dispose();
      controller.abort(new Error("enough"));
      for (const one of inner) one.abort("own");
      await Promise.all(races);
    },
    "CancelScope, many inside",
  ),
  onCounts(
    "new CircuitBreaker, CircuitBreaker.enter, CircuitBreaker.failed, CircuitBreaker.gaveUp, CircuitBreaker.succeeded, CircuitBreaker.released, CircuitBreaker.coolDown, CircuitBreaker.reset",
    (count) => {
      const breaker = new CircuitBreaker(
        "many",
        { failureThreshold: count, windowSize: count } as object,
        createFakeClock(),
      );
      const permits = range(count).map(() => breaker.enter());
      for (const [at, permit] of permits.entries()) {
        if (at % 3 === 0) breaker.succeeded(permit);
        else if (at % 3 === 1) breaker.released(permit);
        else breaker.gaveUp(breaker.failed(permit));
      }
      breaker.coolDown(1);
      breaker.reset();
    },
    "CircuitBreaker, many calls",
  ),
  onTexts("new CircuitOpenError", (text) => new CircuitOpenError(text, "open", 1)),
  onCounts("new Cooldown, Cooldown.extend, Cooldown.end", (count) => {
    const cooldown = new Cooldown(createFakeClock());
    for (const ms of range(count)) cooldown.extend(ms);
    cooldown.end();
  }),
  onCounts("RetryBudget.deposit, RetryBudget.withdraw", (count) => {
    const budget = new RetryBudget();
    for (const _ of range(count)) {
      budget.withdraw(false);
      budget.deposit();
    }
  }),
  onTexts(
    "new ReliabilityState, ReliabilityState.resetProvider, ReliabilityState.breakers, ReliabilityState.pauses",
    (text) => {
      const state = new ReliabilityState();
      state.resetProvider(text);
      return [state.breakers(), state.pauses()];
    },
  ),
];
