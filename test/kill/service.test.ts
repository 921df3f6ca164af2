import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

test("a service that is killed with its runs is replaced by one whose listeners go on, each without a gap", async () => {
  const given = ["--no-warnings", "bench/service.ts", "--only", "kill -9", "--runs", "5", "--json"];
  const { stdout } = await promisify(execFile)(process.execPath, given).catch((error) => error);
  const { rows, faults } = JSON.parse(stdout);
  expect(faults).toEqual([]);
  expect(rows).toMatchObject([{ what: "kill -9", ended: 5, gapless: 5, kept: 5 }]);
}, 120_000);
