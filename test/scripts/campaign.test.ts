import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const campaign = (...parameters: string[]) =>
  promisify(execFile)(process.execPath, ["--no-warnings", "scripts/campaign.ts", ...parameters]);

test("a campaign says what it played, what faults were met, what was checked, and that nothing was violated", async () => {
  const { stdout } = await campaign("--seeds", "60");
  const scenarios = /^= 60 scenarios, (\d+) runs, (\d+) calls in [\d.]+ s$/m.exec(stdout);
  const summary = /^= (\d+) faults met, (\d+) checks, 0 violations$/m.exec(stdout);
  expect([...(scenarios ?? []).slice(1), ...(summary ?? []).slice(1)].map(Number)).toSatisfy(
    (figures: number[]) => figures.length === 4 && figures.every((figure) => figure > 60),
  );
  const faults = stdout.slice(0, stdout.indexOf("What came of it:")).match(/^ +\d+ {2}\S/gm) ?? [];
  expect(faults.length).toBeGreaterThan(10);
});

test("the same seed plays the same scenario", async () => {
  const [first, second] = await Promise.all([campaign("--seed", "17", "--json"), campaign("--seed", "17", "--json")]);
  expect(JSON.parse(first.stdout)).toMatchObject({ scenarios: 1, violations: [] });
  expect(second.stdout).toBe(first.stdout);
});

test("refuses a seed that is not a number", async () => {
  await expect(campaign("--seed", "x")).rejects.toThrow('--seed: got "x"; allowed: a whole number of at least 0');
});
