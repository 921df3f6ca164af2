import { expect, test } from "vitest";
import { fuzzService } from "../../bench/service/fuzz.ts";

test("answers requests drawn from its own OpenAPI document as that says, and leaves nothing behind", async () => {
  const { faults, reached } = await fuzzService(2_000, Number(process.env["PROPERTY_SEED"] ?? 1));
  expect(faults).toEqual([]);
  expect(reached.length).toBeGreaterThan(8);
});
