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

describe("a module in a package of CommonJS", () => {
  const module = 'import "node:fs";\nexport default { name: "m", version: "1", description: "", execute: () => 1 };';
  const commonJs = '{ name: "c", version: "1", description: "", execute: () => 1 }';
  const folderWith = (files: Record<string, string>) =>
    createFolder({ "package.json": '{"type":"commonjs"}', ...files });

  test.each([
    ["t.ts", module, /^t\.ts:1: .* Name it t\.mts, or set "type": "module" in package\.json\.$/m],
    ["t.js", module, /^t\.js:1: .* Name it t\.mjs, or set "type": "module" in package\.json\.$/m],
    ["t.ts", "enum A { B }", /^t\.ts:1: .*enum is not supported.* compile the file$/m],
  ])("%s that cannot be loaded says what to do", async (file, content, fault) => {
    const { code, stderr } = await steer(["tools", file], { cwd: folderWith({ [file]: content }) });
    expect(code).toBe(2);
    expect(stderr).toMatch(fault);
  });

  test("runs where its name or its form says what it is", async () => {
    const files = {
      "a.mts": module,
      "b.mjs": module,
      "c.js": `module.exports = ${commonJs};`,
      "d.cjs": `module.exports = ${commonJs};`,
      "e.cts": `const named: object = ${commonJs}; module.exports = named;`,
      "compiled.js": `exports.__esModule = true; exports.default = ${commonJs};`,
    };
    const { code, stdout } = await steer(["tools", "--json", ...Object.keys(files)], { cwd: folderWith(files) });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).map(({ file }: { file: string }) => file)).toEqual(Object.keys(files));
  });
});
