import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take ten seconds and more, mostly by waiting. They start first, so that none runs alone at the end. */
const slow = [
  "kill/kill",
  "dialects/dialects",
  "faults/public-entries",
  "viewer/service",
  "viewer/file",
  "queue/kills",
  "blink/blink",
  "cli/run",
  "cli/stopping",
  "job/batch",
  "store/conformance",
  "jobs/bad-hour",
  "server/fuzz",
].map((name) => `/${name}.test.ts`);

class SlowFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isSlow = ({ moduleId }: TestSpecification) => slow.some((name) => moduleId.endsWith(name));
    const sorted = await super.sort(files);
    return [...sorted.filter(isSlow), ...sorted.filter((file) => !isSlow(file))];
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/postgres-global.ts", "test/support/compile-cache.ts", "test/support/viewer-global.ts"],
    setupFiles: ["test/support/property-seed.ts"],
    sequence: { sequencer: SlowFirst },
    coverage: { include: ["src/**/*.ts"], reporter: ["text-summary"] },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is polled for comes in milliseconds, but not on a machine that does much else.
    expect: { poll: { timeout: 20_000 } },
  },
});
