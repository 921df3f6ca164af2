import { describe, expect, test } from "vitest";
import { InvalidOptionsError } from "../../src/core/errors.ts";
import { BreakerRegistry } from "../../src/guard/per-provider.ts";
import { circuitBreakerOf, resolveBreaker, resolveReliabilityConfig } from "../../src/guard/reliability-config.ts";
import { createFakeClock } from "../../src/testing/fake-clock.ts";

describe("a reliability configuration", () => {
  test("has the promised defaults", () => {
    expect(resolveReliabilityConfig(undefined)).toEqual({
      maxRetries: 3,
      initialDelayMs: 1000,
      maxDelayMs: 60_000,
      exponentialBase: 2,
      jitter: true,
      maxTotalDelayMs: 300_000,
      circuitBreaker: {
        failureThreshold: 5,
        failureRatio: 0.5,
        windowMs: 60_000,
        openMs: 60_000,
        halfOpenRequests: 3,
        successThreshold: 2,
      },
      circuitBreakers: {},
      idempotencyTtlMs: 3_600_000,
      leaseMs: 30_000,
      onInFlight: "wait",
      onStoreError: "fail",
      storeRetryMs: 120_000,
    });
  });

  test("takes what a provider's own breaker leaves out from the common one", () => {
    const config = resolveReliabilityConfig({
      circuitBreaker: { failureThreshold: 9 },
      circuitBreakers: { openai: { openMs: 5, failureRatio: undefined } },
    });
    expect(circuitBreakerOf(config, "openai")).toMatchObject({ failureThreshold: 9, openMs: 5, failureRatio: 0.5 });
    expect(circuitBreakerOf(config, "toString")).toBe(config.circuitBreaker);
  });

  test("is refused where a circuit could never close, in the common breaker or in a provider's", () => {
    const faults = (given: object) => {
      try {
        resolveReliabilityConfig(given);
      } catch (error) {
        if (InvalidOptionsError.isInstance(error)) return error.issues.map(({ path }) => path);
      }
      return [];
    };
    expect(faults({ circuitBreaker: { halfOpenRequests: 1 } })).toEqual([
      "reliabilityConfig.circuitBreaker.successThreshold",
    ]);
    expect(faults({ circuitBreakers: { a: { successThreshold: 4 }, b: { openMS: 1 } } })).toEqual([
      "reliabilityConfig.circuitBreakers.a.successThreshold",
      "reliabilityConfig.circuitBreakers.b.openMS",
    ]);
    expect(faults({ circuitBreakers: { a: 5 }, maxRetries: -1 })).toContain("reliabilityConfig.maxRetries");
  });
});

describe("a registry of breakers", () => {
  test("gives runs of equal options one breaker, and runs of others their own; the least healthy state counts", () => {
    const registry = new BreakerRegistry({ clock: createFakeClock() });
    const [patient, strict] = [resolveBreaker({}), resolveBreaker({ failureThreshold: 1 })];
    const breaker = registry.of("p", strict);
    expect(registry.of("p", resolveBreaker({ failureThreshold: 1 }))).toBe(breaker);
    expect(registry.of("p", patient)).not.toBe(breaker);
    expect(registry.of("q", strict)).not.toBe(breaker);
    breaker.gaveUp(breaker.failed(breaker.enter()));
    expect(registry.states()).toEqual({ p: "open", q: "closed" });
  });

  test("forgets healthy providers where ever new ones come, and none that has failed or asked for a pause", () => {
    const registry = new BreakerRegistry({ clock: createFakeClock() });
    const [config, other] = [resolveBreaker({}), resolveBreaker({ failureThreshold: 9 })];
    const failing = registry.of("failing", config);
    failing.failed(failing.enter());
    registry.of("paused", config).coolDown(1_000);
    for (let index = 0; index < 10_000; index++) {
      const breaker = registry.of(`new-${index}`, config);
      breaker.succeeded(breaker.enter());
    }
    expect(Object.keys(registry.states()).length).toBeLessThanOrEqual(1_000);
    expect(registry.of("failing", config)).toBe(failing);
    expect(registry.of("paused", other).cooldownLeftMs).toBe(1_000);
    expect(registry.of("new-0", config)).toBe(registry.of("new-0", resolveBreaker({})));
  });
});
