import { describe, expect, test, vi } from "vitest";
import { defineTool, ReliableOrchestrator } from "../../src/index.ts";
import { type ReliabilityConfig, ReliabilityState } from "../../src/reliability.ts";
import { SqliteStore } from "../../src/stores/sqlite.ts";
import { createFakeClock } from "../../src/testing.ts";

type Options = ConstructorParameters<typeof ReliableOrchestrator>[0];

const httpError = (status: number, headers: object = {}) =>
  Object.assign(new Error(`HTTP ${status}`), { status, headers });

const without = { maxRetries: 0, initialDelayMs: 0 };
/** So many retries that only the retry budget ends them, in no time. */
const many = { maxRetries: 1000, initialDelayMs: 0, circuitBreaker: { failureThreshold: 1_000_000 } };

/** Runs that ask one provider, which each test calls by a name of its own. */
function asking(provider: string) {
  const tool = defineTool({
    name: "ask",
    provider,
    execute: (request: { error?: Error | undefined }) => (request.error ? Promise.reject(request.error) : "answer"),
  });
  return (options: Options, error?: Error) => new ReliableOrchestrator(options).run({ tool, request: { error } });
}

describe.each([
  ["all orchestrators of a process", () => ({})],
  ["all orchestrators with one ReliabilityState", () => ({ state: new ReliabilityState() })],
])("%s", (kind, stateOf) => {
  const shared = stateOf();
  const given = (reliabilityConfig: ReliabilityConfig) => ({ ...shared, reliabilityConfig });

  test("share the circuit of a provider", async () => {
    const ask = asking(`circuit of ${kind}`);
    for (let call = 0; call < 5; call++) await ask(given(without), httpError(503));
    expect((await ask(given(without))).errors?.["ask"]).toMatchObject({ code: "CIRCUIT_OPEN" });
    const ofItsOwn = { state: new ReliabilityState(), reliabilityConfig: without };
    expect((await ask(ofItsOwn)).status).toBe("completed");
  });

  test("share the retry budget of a provider: 100 retries, and no more until calls succeed", async () => {
    const ask = asking(`retry budget of ${kind}`);
    const attempts = async (options: Options) => (await ask(options, httpError(503))).errors?.["ask"]?.attempts;
    expect(await attempts(given(many))).toBe(101);
    expect(await attempts(given({ ...many, maxRetries: 2 }))).toBe(1);
    const refused = await ask(given(many), httpError(503));
    expect(refused.errors?.["ask"]?.message).toContain("the provider's retry budget is empty");
    for (let call = 0; call < 5; call++) await ask(given(many));
    expect(await attempts(given(many))).toBe(2);
    expect(await attempts({ state: new ReliabilityState(), reliabilityConfig: many })).toBe(101);
  });

  test("share a store that is only named: it is opened once", async () => {
    using claim = vi.spyOn(SqliteStore.prototype, "claim");
    claim.mockRejectedValue(new Error("asked"));
    const tool = defineTool({ name: "any", execute: () => "done" });
    for (let run = 0; run < 3; run++) {
      const orchestrator = new ReliableOrchestrator({ ...shared, store: "sqlite" });
      await orchestrator.run({ tool, request: {}, options: { idempotencyKey: "key" } }).catch(() => {});
    }
    expect(claim.mock.contexts.length).toBe(3);
    expect(new Set(claim.mock.contexts).size).toBe(1);
  });
});

test("a pause that a provider asks for holds for orchestrators with other breaker options too", async () => {
  const clock = createFakeClock();
  const state = new ReliabilityState({ clock });
  const ask = asking("paused");
  const limited = { state, clock, reliabilityConfig: without };
  await ask(limited, httpError(429, { "retry-after": "30" }));
  const circuitBreakers = { paused: { failureThreshold: 9 } };
  const config = { ...without, jitter: false };
  const pending = ask({ state, clock, reliabilityConfig: { ...config, circuitBreakers } }).then(() => clock.now());
  const elsewhere = asking("another provider")({ state, clock, reliabilityConfig: config }).then(() => clock.now());
  await clock.runAll();
  expect([await pending, await elsewhere]).toEqual([30_000, 0]);
});
