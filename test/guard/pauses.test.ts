import { describe, expect, test } from "vitest";
import { ReliableOrchestrator } from "../../src/orchestrate/reliable-orchestrator.ts";
import { ReliabilityState } from "../../src/orchestrate/state.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";
import { defineTool } from "../../src/tool/define-tool.ts";
import { call, httpError, script, setUp, stateOf } from "./set-up.ts";

const config = { jitter: false, initialDelayMs: 1 };
const slowDown = (retryAfter: string) => httpError(429, { "retry-after": retryAfter });

describe("a pause that a server asks for", () => {
  test("belongs to the model, where it is known: calls to another model of the provider go through", async () => {
    const { guard, breakers } = setUp({ config });
    const paused = guard(script([slowDown("90"), "late"], { modelId: "large" }));
    expect(await stateOf(paused)).toBe("pending");
    expect(breakers.pauses()).toEqual({ "p:large": 90_000 });
    expect(await guard(call(() => "now", { modelId: "small" }))).toMatchObject({ ok: true, value: "now" });
    const other = guard(call(() => "waits", { modelId: "large" }));
    expect(await stateOf(other)).toBe("pending");
    breakers.reset("p");
    expect(await other).toMatchObject({ ok: true, value: "waits" });
  });

  test("belongs to the provider, where no model is known: all its calls wait", async () => {
    const { guard, breakers, clock } = setUp({ config });
    void guard(script([slowDown("90"), "late"]));
    expect(await stateOf(Promise.resolve())).toBeUndefined();
    expect(breakers.pauses()).toEqual({ p: 90_000 });
    const other = guard(call(() => "waits", { modelId: "small" }));
    expect(await stateOf(other)).toBe("pending");
    await clock.advance(90_000);
    expect(await other).toMatchObject({ ok: true, value: "waits" });
    expect(breakers.pauses()).toEqual({});
  });

  test("past maxRetryAfterMs holds for its own call, as that, with a warning, and pauses nothing else", async () => {
    const { guard, breakers, events, clock } = setUp({ config });
    const outcome = guard(script([slowDown("31536000"), "late"]));
    expect(await stateOf(outcome)).toBe("pending");
    expect(breakers.pauses()).toEqual({});
    expect(events.map(({ type, code, delayMs }) => [type, code ?? delayMs])).toEqual([
      ["warning", "retry_after_too_long"],
      ["retry_scheduled", 900_000],
    ]);
    expect(events[0]).toMatchObject({ message: expect.stringContaining("31536000000 ms") });
    expect(await guard(call(() => "now"))).toMatchObject({ ok: true });
    await clock.advance(900_000);
    expect(await outcome).toMatchObject({ ok: true, value: "late" });
  });
});

describe("resetProvider", () => {
  test("lets calls through at once that wait for a pause, and closes the circuit", async () => {
    const clock = createFakeClock();
    const state = new ReliabilityState({ clock });
    const reliabilityConfig = { ...config, maxRetries: 0, circuitBreaker: { failureThreshold: 1 } };
    const orchestrator = new ReliableOrchestrator({ state, clock, reliabilityConfig, maxRetryAfterMs: 60_000 });
    const failures = [httpError(503), slowDown("50")];
    const tool = defineTool({
      name: "t",
      provider: "acme",
      execute: async () => {
        const failure = failures.shift();
        if (failure) throw failure;
        return "answer";
      },
    });
    const ask = () => orchestrator.run({ tool, request: {} });
    await ask();
    expect(state.breakers()).toEqual({ acme: "open" });
    state.resetProvider("acme");
    expect(state.breakers()).toEqual({ acme: "closed" });
    await ask();
    expect(state.pauses()).toEqual({ acme: 50_000 });
    const waiting = ask();
    expect(await stateOf(waiting)).toBe("pending");
    state.resetProvider("acme");
    expect(await waiting).toMatchObject({ status: "completed", content: "answer" });
    expect(clock.pending).toBe(0);
  });

  test("refuses a bound that is no duration", () => {
    expect(() => new ReliableOrchestrator({ maxRetryAfterMs: -1 })).toThrow("maxRetryAfterMs");
  });
});
