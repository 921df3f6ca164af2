import fc from "fast-check";
import type { EndPlan, RunPlan } from "../scenario.ts";
import { inPercent, maybe, milliseconds } from "./chance.ts";

const end: fc.Arbitrary<EndPlan> = fc.record({
  by: fc.constantFrom("signal", "signal", "cancel", "leave", "dispose"),
  at: fc.oneof(fc.record({ event: fc.nat(30) }), fc.record({ ms: milliseconds(30_000) })),
});

export const run: fc.Arbitrary<RunPlan> = fc.record({
  job: fc.nat(2),
  process: fc.nat(1),
  startMs: milliseconds(40_000),
  form: fc.constantFrom("run", "stream"),
  isStreaming: fc.boolean(),
  budgetTokens: maybe(30, fc.oneof(fc.nat(1_500), fc.nat(20_000))),
  isBudgetInDollars: inPercent(25, fc.constant(true), false),
  budgetMs: maybe(15, fc.integer({ min: 1, max: 60_000 })),
  timeoutMs: maybe(30, fc.integer({ min: 1, max: 60_000 })),
  isOnSharedSignal: inPercent(30, fc.constant(true), false),
  listener: inPercent(20, fc.constantFrom("throws" as const, "rejects" as const, "mutates" as const), null),
  redact: inPercent(15, fc.constantFrom("copies" as const, "in_place" as const, "throws" as const), null),
  end: inPercent(35, end, null),
});
