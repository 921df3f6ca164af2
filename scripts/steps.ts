import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One check of `npm run verify`. It fails by a status other than 0; a line that starts with `= ` is shown also when it passes. */
export interface Step {
  readonly name: string;
  /** What holds when it passes. */
  readonly promise: string;
  readonly command: readonly [string, ...string[]];
  /** Its output is shown as it comes. */
  readonly isShown?: boolean;
}

/** Where the test steps of this run write their reports. */
export const reports = mkdtempSync(join(tmpdir(), "steer-verify-"));

function testsOn(runtime: string, report: string): Step["command"] {
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${join(reports, report)}`];
  return [runtime, "node_modules/vitest/vitest.mjs", "run", ...reporters];
}

export const steps: readonly Step[] = [
  {
    name: "style",
    promise: "files are formatted and linted",
    command: ["biome", "ci", "--colors=off", "--error-on-warnings", "."],
  },
  {
    name: "rules",
    promise: "time and chance are injected, every option is read, no path of a machine",
    command: ["node", "scripts/source-rules.ts"],
  },
  {
    name: "layers",
    promise: "files import from lower layers only",
    command: ["depcruise", "--config", ".dependency-cruiser.mjs", "src"],
  },
  {
    name: "types",
    promise: "everything compiles with TypeScript 7",
    command: ["node", "node_modules/typescript-native/bin/tsc", "--project", "."],
  },
  {
    name: "types-6",
    promise: "and with TypeScript 6",
    command: ["node", "node_modules/typescript/bin/tsc", "--project", "."],
  },
  {
    name: "unit",
    promise: "the tests pass on Node 24",
    command: testsOn("node", "node24.json"),
    isShown: true,
  },
  {
    name: "unit-22",
    promise: "and on Node 22",
    command: testsOn("node_modules/node22/bin/node", "node22.json"),
    isShown: true,
  },
];
