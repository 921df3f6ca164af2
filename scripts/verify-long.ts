/**
 * What takes longer than `npm run verify` may: benchmarks, campaigns, soaks. Each writes what it printed to
 * docs/measured/, with the commit and the date. `npm run verify:long -- --only guard` runs one; `--list` names them all.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { environment } from "./environment.ts";

interface Measurement {
  readonly page: string;
  readonly title: string;
  readonly command: string;
  readonly isMarkdown?: boolean;
}

const measurements: readonly Measurement[] = [
  {
    page: "guard",
    title: "What a guarded call costs",
    command: "node --max-semi-space-size=128 --min-semi-space-size=128 bench/guard.ts",
  },
  {
    page: "run",
    title: "What a whole run costs",
    command: "node --max-semi-space-size=128 --min-semi-space-size=128 bench/run.ts",
  },
  {
    page: "jobs-speed",
    title: "How fast a job runs, and what it holds",
    command: 'node bench/jobs.ts --peers "$STEER_BENCH_PEERS"',
    isMarkdown: true,
  },
  {
    page: "pacing",
    title: "How evenly calls start, and how few are refused",
    command: 'node bench/pacing.ts --peers "$STEER_BENCH_PEERS"',
    isMarkdown: true,
  },
  { page: "events", title: "What an event costs", command: "node bench/events.ts" },
  { page: "summary", title: "What a summary costs", command: "node bench/summary.ts" },
  { page: "extraction", title: "What reading a hostile answer costs", command: "node bench/extraction.ts" },
  {
    page: "extraction-fuzz",
    title: "Random texts, read against what they were written from",
    command: "node bench/extraction-fuzz.ts --texts 1000000",
  },
  {
    page: "public-fuzz",
    title: "How long every public entry takes with hostile input",
    command: "node --no-warnings bench/public-fuzz.ts",
  },
  {
    page: "service-fuzz",
    title: "The service, asked by requests drawn from its own document",
    command: "node --no-warnings --expose-gc bench/service-fuzz.ts --requests 10000",
  },
  { page: "store", title: "How many durable claims a second", command: "node bench/store.ts" },
  {
    page: "service",
    title: "How many runs a service carries whose listeners miss nothing",
    command: "node --no-warnings bench/service.ts",
    isMarkdown: true,
  },
  { page: "kept", title: "What a bundle of 10,000 answers costs under a key", command: "node bench/kept.ts" },
  {
    page: "tokens",
    title: "How far an estimate of tokens is from a tokenizer's count",
    command: "node bench/tokens.ts",
    isMarkdown: true,
  },
  {
    page: "budgets",
    title: "How budgets hold over servers that count, think, cut off and refuse",
    command: "node bench/budgets.ts 200",
    isMarkdown: true,
  },
  {
    page: "dialects",
    title: "What three clients make of the answers of real servers",
    command: "node bench/dialects.ts",
    isMarkdown: true,
  },
  { page: "cost", title: "What K answers cost", command: "node --no-warnings bench/cost.ts 40", isMarkdown: true },
  { page: "evidence", title: "Evidence, measured", command: "node bench/evidence/main.ts", isMarkdown: true },
  {
    page: "ensemble",
    title: "What a second model buys",
    command: "node --no-warnings bench/ensemble/main.ts",
    isMarkdown: true,
  },
  {
    page: "right",
    title: "Accepted answers, measured",
    command: "node bench/right/main.ts --picture",
    isMarkdown: true,
  },
  {
    page: "calibration",
    title: "Confidence, measured",
    command: "node bench/evidence/main.ts --calibration",
    isMarkdown: true,
  },
  {
    page: "labels",
    title: "Rules for labels, measured",
    command: "node bench/evidence/label-rules.ts",
    isMarkdown: true,
  },
  {
    page: "campaign",
    title: "Runs through seeded faults of every kind",
    command: "node scripts/campaign.ts --seeds 50000",
  },
  {
    page: "node22",
    title: "All tests on Node 22",
    command:
      "node_modules/node22/bin/node node_modules/vitest/vitest.mjs run --reporter=dot --silent | sed 's/\\x1b\\[[0-9;]*m//g' | grep -E '^ +(Test Files|Tests)'",
  },
  { page: "properties", title: "Properties, drawn anew", command: "npm run --silent properties -- --seeds 5" },
  {
    page: "kills",
    title: "Processes killed in the middle of a run",
    command: "npm run --silent kills -- --rounds 200",
  },
  { page: "fleet", title: "What a fleet does on one machine", command: "node --no-warnings bench/fleet.ts" },
  {
    page: "fleet-kills",
    title: "Workers killed, asleep and without their database in the middle of runs",
    command: "node --no-warnings scripts/fleet-kills.ts --seeds 20",
  },
  {
    page: "fleet-kills-more",
    title: "The same on BullMQ, without the database for 30 seconds, and with a death every 2 seconds for a minute",
    command: [
      "--seeds 5 --queue bullmq",
      "--seeds 3 --away 30",
      "--seeds 1 --every 2",
      "--seeds 1 --every 2 --queue bullmq",
    ]
      .map((flags) => `node --no-warnings scripts/fleet-kills.ts ${flags}`)
      .join(" && "),
  },
  {
    page: "jobs",
    title: "Jobs over servers that have a bad hour",
    command: "node scripts/bad-hour.ts",
    isMarkdown: true,
  },
  {
    page: "mutations",
    title: "Small wrong changes, and what notices them",
    command: "node scripts/mutate.ts --workers 2",
  },
  { page: "blinks", title: "Stores that go away and come back", command: "npm run --silent blinks" },
  {
    page: "viewer",
    title: "What 10,000 runs and 1,000 events a second cost the viewer",
    command: "node --no-warnings bench/viewer.ts",
    isMarkdown: true,
  },
  { page: "soak", title: "Whether anything grows in ten minutes", command: "npm run --silent soak -- --minutes 10" },
  {
    page: "memory",
    title: "What the heap keeps of a run",
    command: "node --no-warnings scripts/memory.ts --runs 9300",
  },
  {
    page: "left-behind",
    title: "What a run leaves behind, ended in every way at every stage",
    command: "node --no-warnings scripts/left-behind.ts",
  },
  { page: "supply-chain", title: "What the package brings along", command: "node scripts/supply-chain.ts" },
  {
    page: "coverage",
    title: "How much of the source the tests run",
    command:
      "vitest run --coverage --reporter=dot --silent | sed 's/\\x1b\\[[0-9;]*m//g' | grep -A 8 'Coverage summary'",
  },
  { page: "import", title: "What importing the package costs", command: "npm run --silent import-cost" },
  {
    page: "docs-site",
    title: "The site of the docs, and where its links lead",
    command: "npm run --silent docs:site | grep '^= '",
  },
  {
    page: "bundlers",
    title: "Bundlers and runtimes that run the program of README.md",
    command: "node scripts/bundlers.ts",
    isMarkdown: true,
  },
];

const { values } = parseArgs({ options: { only: { type: "string" }, list: { type: "boolean", default: false } } });
const names = values.only?.split(",");

if (values.list) for (const { page, title } of measurements) console.log(`${page.padEnd(20)}${title}`);
else for (const measurement of measurements) if (names?.includes(measurement.page) ?? true) await measure(measurement);

async function measure({ page, title, command, isMarkdown }: Measurement): Promise<void> {
  console.log(`${title}: ${command}`);
  const { status, output } = await run(command);
  if (status !== 0) {
    console.error(`${command} failed with status ${status}`);
    process.exitCode = 1;
    return;
  }
  const shown = isMarkdown ? output.trim() : `\`\`\`text\n${output.trimEnd()}\n\`\`\``;
  mkdirSync("docs/measured", { recursive: true });
  writeFileSync(`docs/measured/${page}.md`, `# ${title}\n\n${circumstances(command)}\n\n${shown}\n`);
}

/** Runs in a shell, shows the output as it comes, and keeps it. */
function run(command: string): Promise<{ status: number; output: string }> {
  return new Promise((settle, reject) => {
    const child = spawn(command, {
      shell: true,
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...environment, NO_COLOR: "1" },
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      process.stdout.write(text);
      output += text;
    });
    child.on("error", reject).on("close", (status) => settle({ status: status ?? 1, output }));
  });
}

function circumstances(command: string): string {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const isClean = execFileSync("git", ["status", "--porcelain", "--", "src"], { encoding: "utf8" }) === "";
  const date = new Date().toISOString().slice(0, 10);
  const machine = `Node ${process.versions.node}, ${cpus().length} x ${cpus()[0]?.model.trim() ?? "unknown processor"}`;
  return `\`${command}\` at commit ${commit}${isClean ? "" : " with changes"}, ${date}, ${machine}.`;
}
