import fc from "fast-check";
import { blinks, type ClockFault, type StoreFault } from "../scenario.ts";
import { milliseconds } from "./chance.ts";

const operation = fc.constantFrom<StoreFault["operation"]>(
  ...(["open", "claim", "renew", "renew", "savePlan", "append", "append", "settle", "release"] as const),
);

/** Times at which the whole store is away for a while, and nothing else goes wrong with it. */
export const storeBlink: fc.Arbitrary<StoreFault> = fc.record({
  operation,
  nth: fc.nat(3),
  kind: fc.constantFrom(...blinks),
  delayMs: milliseconds(30_000),
});

export const storeFault: fc.Arbitrary<StoreFault> = fc.record({
  operation,
  nth: fc.nat(3),
  kind: fc.constantFrom("refused", "slow", "never", "lost", "slow_reply", "never_reply"),
  delayMs: milliseconds(5_000),
});

export const clockFault: fc.Arbitrary<ClockFault> = fc.oneof(
  fc.record({ atMs: milliseconds(40_000), kind: fc.constant("pause" as const), byMs: fc.nat(120_000) }),
  fc.record({
    atMs: milliseconds(40_000),
    kind: fc.constant("store_clock" as const),
    byMs: fc.integer({ min: -60_000, max: 60_000 }),
  }),
);
