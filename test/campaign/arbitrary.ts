import fc from "fast-check";
import { faultKinds } from "../../src/testing/faults.ts";
import type {
  CallFault,
  CallPlan,
  ClockFault,
  EndPlan,
  Job,
  ReliabilityPlan,
  RunPlan,
  Scenario,
  StoreFault,
  ToolKind,
} from "./scenario.ts";

/** Durations of every order that matters here. */
const milliseconds = (longest: number) =>
  fc.oneof(fc.constant(0), fc.nat(Math.min(longest, 50)), fc.nat(Math.min(longest, 2_000)), fc.nat(longest));

/** A value in so many cases of a hundred. */
const inPercent = <T, Nil>(percent: number, arbitrary: fc.Arbitrary<T>, nil: Nil) =>
  fc.oneof({ weight: 100 - percent, arbitrary: fc.constant(nil) }, { weight: percent, arbitrary });
const maybe = <T>(percent: number, arbitrary: fc.Arbitrary<T>) => inPercent(percent, arbitrary, undefined);

const callFaults: readonly CallFault[] = [...faultKinds, "deaf", "mismatch", "withheld", "overuse"];

const call: fc.Arbitrary<CallPlan> = fc.record({
  fault: inPercent(45, fc.constantFrom(...callFaults), null),
  latencyMs: milliseconds(20_000),
  share: fc.nat(99).map((percent) => percent / 100),
  vote: fc.nat(2),
  outputTokens: fc.integer({ min: 1, max: 60 }),
});

const reliability: fc.Arbitrary<ReliabilityPlan> = fc.record({
  maxRetries: fc.nat(3),
  initialDelayMs: milliseconds(2_000),
  maxDelayMs: milliseconds(20_000),
  leaseMs: fc.constantFrom(1_000, 30_000),
  idempotencyTtlMs: fc.constantFrom(0, 5_000, 3_600_000),
  attemptTimeoutMs: maybe(50, fc.integer({ min: 1, max: 20_000 })),
  firstChunkTimeoutMs: maybe(30, fc.integer({ min: 1, max: 5_000 })),
  chunkTimeoutMs: maybe(30, fc.integer({ min: 1, max: 2_000 })),
  onInFlight: inPercent(20, fc.constant("reject" as const), "wait" as const),
  onStoreError: inPercent(30, fc.constant("run_unprotected" as const), "fail" as const),
  failureThreshold: fc.integer({ min: 1, max: 5 }),
  openMs: fc.integer({ min: 1, max: 20_000 }),
});

const toolKind: fc.Arbitrary<ToolKind> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<ToolKind>("prompt") },
  { weight: 2, arbitrary: fc.constant<ToolKind>("replicates") },
  { weight: 1, arbitrary: fc.constant<ToolKind>("whole") },
  { weight: 2, arbitrary: fc.constant<ToolKind>("plain") },
);

const job: fc.Arbitrary<Job> = fc.record({
  tool: toolKind,
  choice: fc.constantFrom("tool", "tool", "name", "planner"),
  fallbacks: fc.array(toolKind, { maxLength: 2 }),
  question: fc.constantFrom("x", "y"),
  key: inPercent(65, fc.constantFrom("a", "b"), null),
  k: fc.integer({ min: 1, max: 6 }),
  stopping: fc.constantFrom("none", "none", "lossless", "horizon"),
  maxParallel: fc.integer({ min: 1, max: 4 }),
  hasSchema: fc.boolean(),
  escalates: inPercent(15, fc.constant(true), false),
  hasOwnSeeds: inPercent(25, fc.constant(true), false),
  judge: inPercent(15, fc.constantFrom("slow" as const, "broken" as const), null),
  maxOutputTokens: maybe(60, fc.integer({ min: 1, max: 80 })),
  perReplicateTimeMs: maybe(15, fc.integer({ min: 1, max: 20_000 })),
  globalTokens: maybe(15, fc.integer({ min: 0, max: 1_500 })),
});

const end: fc.Arbitrary<EndPlan> = fc.record({
  by: fc.constantFrom("signal", "signal", "cancel", "leave", "dispose"),
  at: fc.oneof(fc.record({ event: fc.nat(30) }), fc.record({ ms: milliseconds(30_000) })),
});

const run: fc.Arbitrary<RunPlan> = fc.record({
  job: fc.nat(2),
  process: fc.nat(1),
  startMs: milliseconds(40_000),
  form: fc.constantFrom("run", "stream"),
  isStreaming: fc.boolean(),
  budgetTokens: maybe(30, fc.nat(1_500)),
  isBudgetInDollars: inPercent(25, fc.constant(true), false),
  budgetMs: maybe(15, fc.integer({ min: 1, max: 60_000 })),
  timeoutMs: maybe(30, fc.integer({ min: 1, max: 60_000 })),
  isOnSharedSignal: inPercent(30, fc.constant(true), false),
  isListenerBroken: inPercent(10, fc.constant(true), false),
  end: inPercent(35, end, null),
});

const storeFault: fc.Arbitrary<StoreFault> = fc.record({
  operation: fc.constantFrom("claim", "renew", "renew", "savePlan", "append", "append", "settle", "release"),
  nth: fc.nat(3),
  kind: fc.constantFrom("refused", "lost", "slow", "slow_reply"),
  delayMs: milliseconds(5_000),
});

const clockFault: fc.Arbitrary<ClockFault> = fc.oneof(
  fc.record({ atMs: milliseconds(40_000), kind: fc.constant("pause" as const), byMs: fc.nat(120_000) }),
  fc.record({
    atMs: milliseconds(40_000),
    kind: fc.constant("store_clock" as const),
    byMs: fc.integer({ min: -60_000, max: 60_000 }),
  }),
);

/** Scenarios of a few runs that get into each other's way, most with several faults. */
export const scenarios: fc.Arbitrary<Scenario> = fc.noBias(
  fc.record({
    reliability,
    processes: fc.constantFrom(1, 2),
    jobs: fc.array(job, { minLength: 1, maxLength: 3 }),
    runs: fc.array(run, { minLength: 1, maxLength: 6, size: "max" }),
    calls: fc.array(call, { maxLength: 40, size: "max" }),
    storeFaults: inPercent(40, fc.array(storeFault, { minLength: 1, maxLength: 5 }), []),
    clockFaults: inPercent(15, fc.array(clockFault, { minLength: 1, maxLength: 2 }), []),
    sharedAbortMs: inPercent(20, milliseconds(30_000), null),
  }),
);
