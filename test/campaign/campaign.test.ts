import { expect, test } from "vitest";
import { runCampaign } from "./campaign.ts";

test("no promise is broken in 500 scenarios full of faults", async () => {
  const { scenarios, violations, faults, deeds } = await runCampaign(Array(500).keys());
  expect(violations, violations.map(({ what }) => what).join("; ")).toEqual([]);
  expect(scenarios).toBe(500);
  expect(Object.keys(faults).length).toBeGreaterThan(25);
  expect(deeds).toMatchObject({
    "key: joined": expect.any(Number),
    "key: resumed from the journal": expect.any(Number),
    "circuit of a provider that is well again: closed": expect.any(Number),
  });
});
