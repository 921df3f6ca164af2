import { expect, test, vi } from "vitest";
import { seededRandom } from "../../src/testing.ts";
import { runCampaign } from "./campaign.ts";

/** Turns of the event loop that the next module takes: each is loaded whenever it is needed, as if for the first time. */
const random = seededRandom(8);

vi.mock("../../src/core/lazily.ts", async (importOriginal) => {
  const actual = await importOriginal<typeof import("../../src/core/lazily.ts")>();
  const slowly = async <Module>(load: () => Promise<Module>) => {
    for (let turn = random.next() * 12; turn > 1; turn--) await new Promise((resolve) => setImmediate(resolve));
    return load();
  };
  return {
    ...actual,
    lazily:
      <Module>(load: () => Promise<Module>) =>
      () =>
        actual.lazily(() => slowly(load))(),
  };
});

test("no promise is broken where each module is still to be loaded", async () => {
  const { violations } = await runCampaign(Array(150).keys());
  expect(violations, violations.map(({ what }) => what).join("; ")).toEqual([]);
});
