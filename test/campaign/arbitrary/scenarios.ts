import fc from "fast-check";
import type { Scenario } from "../scenario.ts";
import { calls } from "./calls.ts";
import { inPercent, milliseconds } from "./chance.ts";
import { job } from "./jobs.ts";
import { reliability } from "./reliability.ts";
import { run } from "./runs.ts";
import { clockFault, storeBlink, storeFault } from "./surroundings.ts";

/** Scenarios of a few runs that get into each other's way, most with several faults. */
export const scenarios: fc.Arbitrary<Scenario> = fc.noBias(
  fc.record({
    reliability,
    processes: fc.constantFrom(1, 2),
    jobs: fc.array(job, { minLength: 1, maxLength: 3 }),
    runs: fc.array(run, { minLength: 1, maxLength: 6, size: "max" }),
    calls,
    storeFaults: inPercent(
      50,
      fc.oneof(
        fc.array(storeFault, { minLength: 1, maxLength: 5 }),
        fc.array(fc.oneof(storeFault, storeBlink), { minLength: 1, maxLength: 5 }),
        fc.array(storeBlink, { minLength: 1, maxLength: 3 }),
      ),
      [],
    ),
    clockFaults: inPercent(25, fc.array(clockFault, { minLength: 1, maxLength: 3 }), []),
    recovery: fc.record({ latency: fc.nat(40), pause: fc.integer({ min: 2, max: 20 }) }),
    sharedAbortMs: inPercent(20, milliseconds(30_000), null),
  }),
);
