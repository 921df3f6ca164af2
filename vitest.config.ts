import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/postgres-global.ts", "test/support/compile-cache.ts", "test/support/viewer-global.ts"],
    setupFiles: ["test/support/property-seed.ts"],
    coverage: { include: ["src/**/*.ts"], reporter: ["text-summary"] },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What is polled for comes in milliseconds, but not on a machine that does much else.
    expect: { poll: { timeout: 20_000 } },
  },
});
