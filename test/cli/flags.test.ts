import { expect, test } from "vitest";
import { durationFlag } from "../../src/cli/flags.ts";

test.each([
  ["30m", 1_800_000],
  ["1.5h", 5_400_000],
  ["90s", 90_000],
  ["500ms", 500],
  ["2d", 172_800_000],
  ["0s", 0],
])("a duration of %s is %i ms", (text, ms) => {
  expect(durationFlag()(text)).toBe(ms);
});

test.each(["", "30", "m", "-5m", "1e3s", " 5m", "5 m", "1,5h", "5M", "1h30m", "Infinityh", "٣m"])(
  "%j is not a duration",
  (text) => {
    expect(() => durationFlag()(text)).toThrow("It has to be a number with its unit");
  },
);
