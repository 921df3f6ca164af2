import { defineConfig } from "tsdown";

export default defineConfig({
  entry: {
    index: "src/index.ts",
    orchestration: "src/orchestration.ts",
    planning: "src/planning.ts",
    reliability: "src/reliability.ts",
    evidence: "src/evidence.ts",
    testing: "src/testing.ts",
    "stores/memory": "src/stores/memory.ts",
    "stores/sqlite": "src/stores/sqlite.ts",
    "stores/postgres": "src/stores/postgres.ts",
    "cli/main": "src/cli/main.ts",
  },
  format: "esm",
  platform: "node",
  target: "node22.18",
  dts: true,
  clean: true,
  hash: false,
});
