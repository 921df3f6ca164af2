import type { EventLogUnderTest } from "./event-log-conformance/law.ts";
import { lifetimeLaws } from "./event-log-conformance/lifetime-laws.ts";
import { readingLaws } from "./event-log-conformance/reading-laws.ts";
import { writingLaws } from "./event-log-conformance/writing-laws.ts";

export type { EventLogUnderTest };

/** Test runner and event log for the suite. */
export interface EventLogConformanceOptions {
  /** The runner's own function for a test. */
  readonly test: (name: string, body: () => Promise<void>) => unknown;
  /** Gives each test a log on empty data. */
  readonly open: () => Promise<EventLogUnderTest>;
}

/**
 * Defines the tests that every event log has to pass, with whatever test runner there is.
 *
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { MemoryEventLog } from "steer-llm-sdk/events";
 * import { createFakeClock, eventLogConformance } from "steer-llm-sdk/testing";
 *
 * eventLogConformance({
 *   test,
 *   async open() {
 *     const clock = createFakeClock();
 *     const retentionMs = 3_600_000;
 *     return { log: new MemoryEventLog({ clock, retentionMs }), passTime: clock.advance, retentionMs };
 *   },
 * });
 * ```
 */
export function eventLogConformance({ test, open }: EventLogConformanceOptions): void {
  for (const [promise, hold] of Object.entries({ ...writingLaws, ...readingLaws, ...lifetimeLaws }))
    test(promise, async () => {
      const subject = await open();
      try {
        await hold(subject);
      } finally {
        await subject.log.close();
        await subject.dispose?.();
      }
    });
}
