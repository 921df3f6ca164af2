import { expect, test } from "vitest";
import { bundleOptions } from "../../src/contract/bundle-options.ts";
import { orchestrationConfig } from "../../src/contract/config.ts";
import { optionPlaces } from "../../src/contract/option-places.ts";
import { resolveOptions } from "../../src/core/options.ts";
import { reliabilityConfig } from "../../src/guard/reliability-config.ts";
import { ReliableOrchestrator } from "../../src/index.ts";
import "../../src/stores/sqlite.ts";
import "../../src/provider/simulated.ts";

test("the places of options name every option that is declared there, and no other", () => {
  const declared = [bundleOptions, orchestrationConfig, reliabilityConfig];
  expect(optionPlaces).toEqual(declared.map(({ place, entries }) => [place, Object.keys(entries)]));
});

test.each([
  [{ k: 3 }, "options.k is not a run option. Move it to toolOptions.k."],
  [{ maxRetries: 3 }, "options.maxRetries is not a run option. Move it to reliabilityConfig.maxRetries."],
  [{ path: "x" }, 'options.path is not a run option (got "x"). Known: '],
  [{ seed: 7 }, "options.seed is not a run option (got 7)."],
])("a misplaced run option is told its place, whatever else is imported: %o", (options, message) => {
  expect(() => resolveOptions(orchestrationConfig, options)).toThrow(message);
});

test("a constructor names its faults and those of its reliabilityConfig and defaultOptions together", () => {
  const settings = {
    store: "redis",
    reliabilityConfig: { maxRetry: 1, circuitBreaker: { successThreshold: 9 } },
    defaultOptions: { k: 3 },
  };
  let thrown: any;
  try {
    new ReliableOrchestrator(settings as any);
  } catch (error) {
    thrown = error;
  }
  expect(thrown.issues.map(({ path }: { path: string }) => path).toSorted()).toEqual([
    "defaultOptions.k",
    "reliabilityConfig.maxRetry",
    "store",
  ]);
});
