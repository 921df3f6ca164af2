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

const anHourMs = 3_600_000;

/** A correction of a few seconds, or the hour of a wrong time zone. */
const correctionMs = fc.oneof(fc.integer({ min: -60_000, max: 60_000 }), fc.constantFrom(-anHourMs, anHourMs));

const pause = { kind: fc.constant("pause" as const), byMs: fc.nat(120_000) };
const correction = { kind: fc.constantFrom("wall_clock" as const, "process_clock" as const), byMs: correctionMs };
const place = { atMs: milliseconds(40_000), process: fc.nat(1) };

export const clockFault: fc.Arbitrary<ClockFault> = fc.oneof(fc.record({ ...place, ...pause }), {
  weight: 2,
  arbitrary: fc.record({ ...place, ...correction }),
});
