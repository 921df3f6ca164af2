/**
 * Writes the reference pages that come from the code: `npm run reference`. With `--check` it writes nothing, and fails
 * where a page is not what the code says.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { toolFile } from "../src/cli/definition/tool-file.ts";
import { acceptOptions } from "../src/contract/accept-options.ts";
import { bundleOptions, compareOptions } from "../src/contract/bundle-options.ts";
import { orchestrationConfig } from "../src/contract/config.ts";
import { jobCalibrationOptions } from "../src/evidence/job-calibration.ts";
import { stoppingRuleOptions } from "../src/evidence/stopping.ts";
import { guardOptions } from "../src/guard/create-guard.ts";
import { rateLimit } from "../src/guard/limits.ts";
import { circuitBreakerConfig, reliabilityConfig, retryConfig } from "../src/guard/reliability-config.ts";
import { modelPrice } from "../src/provider/price-table.ts";
import { simulatedModelOptions } from "../src/provider/simulated.ts";
import { pgBossQueueOptions } from "../src/queue/boss/pg-boss-queue.ts";
import { bullMqQueueOptions } from "../src/queue/bull/bullmq-queue.ts";
import { decisionBody, feedbackBody, runBody } from "../src/server/run-requests.ts";
import { memoryEventLogOptions } from "../src/store/log/memory-log.ts";
import { postgresEventLogOptions } from "../src/store/log/postgres-log.ts";
import { sqliteEventLogOptions } from "../src/store/log/sqlite-log.ts";
import { memoryStoreOptions } from "../src/store/memory.ts";
import { postgresStoreOptions } from "../src/store/postgres.ts";
import { sqliteStoreOptions } from "../src/store/sqlite.ts";
import { apiPage } from "./reference/api-page.ts";
import { errorsPage } from "./reference/errors-page.ts";
import { eventsPage } from "./reference/events-page.ts";
import { limitsPage } from "./reference/limits-page.ts";
import { llmsPage } from "./reference/llms-page.ts";
import { readOptionDocs } from "./reference/option-docs.ts";
import { optionsPage } from "./reference/options-page.ts";
import { serversPage } from "./reference/servers-page.ts";
import { readSourceProgram, sourceFiles } from "./source-program.ts";

const program = readSourceProgram();
const declared = [
  acceptOptions,
  bundleOptions,
  circuitBreakerConfig,
  compareOptions,
  decisionBody,
  feedbackBody,
  guardOptions,
  jobCalibrationOptions,
  memoryEventLogOptions,
  memoryStoreOptions,
  modelPrice,
  orchestrationConfig,
  pgBossQueueOptions,
  bullMqQueueOptions,
  postgresEventLogOptions,
  postgresStoreOptions,
  rateLimit,
  reliabilityConfig,
  runBody,
  retryConfig,
  simulatedModelOptions,
  sqliteEventLogOptions,
  sqliteStoreOptions,
  stoppingRuleOptions,
  toolFile,
];
// Options of planning rules stand with the rules in the guide.
const inSource = sourceFiles(program)
  .filter(({ fileName }) => !fileName.includes("/src/planning/"))
  .flatMap(({ text }) => text.match(/= declareOptions\(/g) ?? []).length;
if (inSource !== declared.length)
  throw new Error(`src/ declares ${inSource} sets of options, this script knows ${declared.length}`);

const pages = {
  "docs/reference/api.md": apiPage(program, new Set(declared.map(({ name }) => name))),
  "docs/reference/options.md": optionsPage(declared, readOptionDocs(program, declared)),
  "docs/reference/errors.md": errorsPage(program),
  "docs/reference/events.md": eventsPage(program),
  "docs/guide/servers.md": serversPage(),
  "docs/guide/limits.md": limitsPage(),
  "llms.txt": llmsPage(),
};

const isCheck = process.argv.includes("--check");
for (const [path, page] of Object.entries(pages)) {
  if (existsSync(path) && readFileSync(path, "utf8") === page) continue;
  if (isCheck) {
    console.error(`${path} is not what the code says: run npm run reference.`);
    process.exitCode = 1;
  } else writeFileSync(path, page);
}
