import fc from "fast-check";
import { type Job, nestings, type ToolKind } from "../scenario.ts";
import { inPercent, maybe } from "./chance.ts";

const toolKind: fc.Arbitrary<ToolKind> = fc.oneof(
  { weight: 5, arbitrary: fc.constant<ToolKind>("prompt") },
  { weight: 2, arbitrary: fc.constant<ToolKind>("replicates") },
  { weight: 1, arbitrary: fc.constant<ToolKind>("whole") },
  { weight: 2, arbitrary: fc.constant<ToolKind>("plain") },
);

export const job: fc.Arbitrary<Job> = fc.record({
  tool: fc.oneof({ weight: 12, arbitrary: toolKind }, { weight: 1, arbitrary: fc.constant<ToolKind>("agents") }),
  nests: inPercent(30, fc.constantFrom(...nestings), null),
  areInnerKeyed: inPercent(30, fc.constant(true), false),
  choice: fc.constantFrom("tool", "tool", "name", "planner"),
  planner: inPercent<Job["planner"], Job["planner"]>(
    30,
    fc.constantFrom("repetitive", "garbage", "broken", "silent"),
    "rules",
  ),
  fallbacks: fc.array(toolKind, { maxLength: 2 }),
  repeatsFallbacks: inPercent(15, fc.constant(true), false),
  question: fc.constantFrom("x", "y"),
  key: inPercent(65, fc.constantFrom("a", "b"), null),
  k: fc.integer({ min: 1, max: 6 }),
  stopping: fc.constantFrom("none", "none", "lossless", "horizon"),
  maxParallel: fc.integer({ min: 1, max: 4 }),
  hasSchema: fc.boolean(),
  escalates: inPercent(25, fc.constant(true), false),
  isStrongerUnpriced: inPercent(20, fc.constant(true), false),
  hasOwnSeeds: inPercent(25, fc.constant(true), false),
  takesSamples: inPercent(30, fc.constant(true), false),
  isLong: inPercent(25, fc.constant(true), false),
  forges: inPercent(20, fc.constant(true), false),
  judge: inPercent(15, fc.constantFrom("slow" as const, "broken" as const), null),
  maxOutputTokens: maybe(60, fc.integer({ min: 1, max: 80 })),
  perReplicateTimeMs: maybe(15, fc.integer({ min: 1, max: 20_000 })),
  perReplicateTokens: maybe(10, fc.integer({ min: 0, max: 1_500 })),
  globalTokens: maybe(15, fc.integer({ min: 0, max: 1_500 })),
  globalTimeMs: maybe(10, fc.integer({ min: 1, max: 20_000 })),
  areCeilingsInDollars: inPercent(40, fc.constant(true), false),
});
