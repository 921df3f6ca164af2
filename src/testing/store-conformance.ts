import type { ManagedStore, RunStore } from "../store/store.ts";
import { administrationLaws } from "./store-conformance/administration-laws.ts";
import { claimLaws } from "./store-conformance/claim-laws.ts";
import { dataLaws } from "./store-conformance/data-laws.ts";
import type { Law, StoreUnderTest } from "./store-conformance/law.ts";
import { reviewLaws } from "./store-conformance/review-laws.ts";

export type { StoreUnderTest } from "./store-conformance/law.ts";

/** Test runner and store for the suite. */
export interface StoreConformanceOptions<Store extends RunStore = RunStore> {
  /** The runner's own function for a test. */
  readonly test: (name: string, body: () => Promise<void>) => unknown;
  /** Gives each test a store on empty data. */
  readonly open: () => Promise<StoreUnderTest<Store>>;
}

/**
 * Defines the tests that every run store has to pass, with whatever test runner there is.
 *
 * @example
 * ```ts
 * import { test } from "node:test";
 * import { MemoryStore } from "steer-llm-sdk/stores/memory";
 * import { createFakeClock, storeConformance } from "steer-llm-sdk/testing";
 *
 * storeConformance({
 *   test,
 *   async open() {
 *     const clock = createFakeClock();
 *     return { store: new MemoryStore({ clock }), passTime: clock.advance };
 *   },
 * });
 * ```
 */
export function storeConformance({ test, open }: StoreConformanceOptions): void {
  define([...claimLaws, ...dataLaws, ...reviewLaws], { test, open });
}

/** The same for what a store offers to the people who look after it: list, show, purge, sweep, verify. */
export function storeAdministrationConformance(options: StoreConformanceOptions<ManagedStore>): void {
  define(administrationLaws, options);
}

function define<Store extends RunStore>(laws: readonly Law<Store>[], options: StoreConformanceOptions<Store>): void {
  for (const law of laws) options.test(law.promise, () => check(law, options.open));
}

async function check<Store extends RunStore>(
  law: Law<Store>,
  open: StoreConformanceOptions<Store>["open"],
): Promise<void> {
  const subject = await open();
  try {
    await law.hold(subject);
  } finally {
    await subject.store.close();
    await subject.dispose?.();
  }
}
