import { describe, expect, test } from "vitest";
import { createFolder, steer, toolFile } from "./steer.ts";

const lookup = 'export default { name: "lookup", version: "2.0.0", description: "Looks up.", execute: async () => 1 };';

describe("steer tools", () => {
  test("lists the definitions of this folder, and modules where they are named", async () => {
    const cwd = createFolder({ "triage.json": toolFile(), "lookup.ts": lookup });
    const here = await steer(["tools"], { cwd });
    expect(here.code).toBe(0);
    expect(here.stdout).toMatch(/^triage +1\.0\.0 +up to 3 +simulated:\?error=0\.05 +report +triage\.json\n1 tool\n/m);
    expect(here.stdout).not.toContain("lookup");
    const named = await steer(["tools", "lookup.ts", "--json"], { cwd });
    expect(JSON.parse(named.stdout)).toMatchObject([{ name: "lookup", version: "2.0.0", supportsBundle: false }]);
  });

  test("a folder without one says how to name one", async () => {
    expect((await steer(["tools"], { cwd: createFolder() })).stdout).toContain("steer tools FILE");
  });

  test("a file without a tool ends with 2", async () => {
    const cwd = createFolder({ "package.json": '{"name":"x"}' });
    const { code, stderr } = await steer(["tools", "package.json"], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain('"model" is missing');
  });
});
