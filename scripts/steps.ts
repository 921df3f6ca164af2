import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One check of `npm run verify`. A line that it prints after `= ` is a figure, and shown also when it passes. */
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

/** Files that take half of the time; others try the same rooms on Node 22. A browser is the same beside any Node. */
const slowest = [
  "test/kill/**",
  "test/queue/kills.test.ts",
  "test/blink/**",
  "test/jobs/**",
  "test/viewer/**",
  "test/cli/**",
  "test/provider/{batched-model,dialects/dialects}.test.ts",
  "test/schema/extraction.test.ts",
  "test/faults/public-entries.test.ts",
];

export const steps: readonly Step[] = [
  {
    name: "style",
    promise: "files are formatted and linted",
    command: ["biome", "ci", "--colors=off", "--error-on-warnings", "."],
  },
  {
    name: "rules",
    promise: "time is injected, options are read, packages have their reasons, links lead somewhere",
    command: ["node", "scripts/source-rules.ts"],
  },
  {
    name: "layers",
    promise: "files import from lower layers only",
    command: ["depcruise", "--config", ".dependency-cruiser.mjs", "src"],
  },
  // Before the types: a test of an example imports it, as it imports the package.
  {
    name: "build",
    promise: "the package builds, with its types",
    command: ["tsdown", "--log-level", "warn"],
  },
  {
    name: "types",
    promise: "everything compiles with TypeScript 7",
    command: typescript7("."),
  },
  {
    name: "types-viewer",
    promise: "the viewer compiles, in the world of a browser",
    command: typescript7("viewer"),
  },
  {
    name: "types-6",
    promise: "and with TypeScript 6",
    command: ["node", "node_modules/typescript/bin/tsc", "--project", "."],
  },
  {
    name: "unused",
    promise: "no file, export or package that nothing needs",
    command: ["knip", "--no-progress"],
  },
  {
    name: "package",
    promise: "package.json says what the files are",
    command: ["publint", "--strict"],
  },
  {
    name: "exports",
    promise: "every entry resolves, with types, in every mode of today's tools",
    command: ["attw", "--pack", ".", "--profile", "esm-only", "--no-color"],
  },
  {
    name: "packed",
    promise: "what npm would publish works in an empty project, and bundled into one file",
    command: ["node", "scripts/packed-package.ts"],
  },
  {
    name: "contract",
    promise: "the contract programs compile against the built package, in the strictest mode",
    command: typescript7("test/contract"),
  },
  {
    name: "surface",
    promise: "no promised name is missing from the built package",
    command: ["node", "scripts/contract-surface.ts"],
  },
  {
    name: "api-report",
    promise: "the public surface is as api/ shows it",
    command: ["node", "scripts/api-report.ts", "--check"],
  },
  {
    name: "user-types",
    promise: "a user's types lead and refuse as they should",
    command: typescript7("test/types"),
  },
  {
    name: "type-mistakes",
    promise: "typical mistakes are told, and hovers and completions shown, as test/types has them",
    command: ["node", "scripts/type-mistakes.ts", "--check"],
  },
  {
    name: "doc-examples",
    promise: "the examples of comments, README and guide compile",
    command: ["node", "scripts/doc-examples.ts"],
  },
  {
    name: "example-types",
    promise: "the examples compile against the built package",
    command: typescript7("examples"),
  },
  {
    name: "examples",
    promise: "and run, without a key",
    command: ["node", "scripts/run-examples.ts"],
  },
  {
    name: "doc-outputs",
    promise: "commands print what the docs show",
    command: ["node", "scripts/doc-outputs.ts"],
  },
  {
    name: "import-cost",
    promise: "importing the package stays cheap",
    command: ["node", "scripts/import-cost.ts"],
  },
  {
    name: "reference",
    promise: "the reference pages say what the code says",
    command: ["node", "scripts/reference.ts", "--check"],
  },
  {
    name: "api-docs",
    promise: "the API reference is made without a warning",
    command: ["typedoc", "--logLevel", "Warn"],
  },
  {
    name: "bench-gate",
    promise: "a guarded call and a run cost no more than the baseline says",
    command: ["node", "bench/gate.ts"],
  },
  {
    name: "campaign",
    promise: "runs keep their promises, and do what they may, through seeded faults of every kind",
    command: ["node", "scripts/campaign.ts", "--seeds", "10000"],
    isShown: true,
  },
  {
    name: "unit",
    promise: "the tests pass on Node 24",
    command: testsOn("node", "node24.json"),
    isShown: true,
  },
  {
    name: "unit-22",
    promise: "and on Node 22, but for the slowest files, which verify:long runs there",
    command: [...testsOn("node_modules/node22/bin/node", "node22.json"), ...slowest.map((file) => `--exclude=${file}`)],
    isShown: true,
  },
];

function typescript7(project: string): Step["command"] {
  return ["node", "node_modules/typescript-native/bin/tsc", "--project", project];
}

function testsOn(runtime: string, report: string): [string, ...string[]] {
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${join(reports, report)}`];
  return [runtime, "node_modules/vitest/vitest.mjs", "run", ...reporters];
}
