import fc from "fast-check";
import { faultKinds } from "../../../src/testing/faults.ts";
import type { CallFault, CallPlan } from "../scenario.ts";
import { inPercent, milliseconds } from "./chance.ts";

const callFaults: readonly CallFault[] = [...faultKinds, "deaf", "mismatch", "withheld", "overuse", "hostile"];

const call: fc.Arbitrary<CallPlan> = fc.record({
  fault: inPercent(45, fc.constantFrom(...callFaults), null),
  latencyMs: milliseconds(20_000),
  share: fc.nat(99).map((percent) => percent / 100),
  vote: fc.nat(2),
  outputTokens: fc.integer({ min: 1, max: 60 }),
});

/** A provider that is in one state for a while, and then in another. */
const spells: fc.Arbitrary<readonly CallPlan[]> = fc
  .array(fc.record({ plan: call, times: fc.integer({ min: 1, max: 12 }) }), { maxLength: 8, size: "max" })
  .map((spells) => spells.flatMap(({ plan, times }) => Array<CallPlan>(times).fill(plan)));

/** What happens to one call after the other. */
export const calls: fc.Arbitrary<readonly CallPlan[]> = fc.oneof(
  { weight: 3, arbitrary: fc.array(call, { maxLength: 40, size: "max" }) },
  { weight: 1, arbitrary: spells },
);
