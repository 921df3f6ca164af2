/**
 * Fails where a guarded call or a run has become dearer, measured against what the baseline `bench/gate.json` says.
 *
 *     node bench/gate.ts            compares
 *     node bench/gate.ts --write    writes a new baseline
 *
 * The gate compares ratios of CPU time to cockatiel's guarded call in the same process, so that a slow or busy machine
 * changes both sides. A ratio above its baseline by more than the tolerance is measured again, twice, before it counts.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import * as guards from "./guard/contenders.ts";
import { cpuUs, each, interleaved, repeat } from "./guard/measure.ts";
import * as runs from "./run/contenders.ts";

const baselineFile = "bench/gate.json";
/** Two shared cores give the same code ratios that differ by up to a fifth. */
const tolerance = 1.35;
const calls = 4_000;
const rounds = 5;
const tries = 3;

const contenders = {
  "guarded call": guards.guard(),
  run: runs.orchestrator(),
  "reliable run": runs.reliable(),
  "reliable run with a key": runs.reliableWithKey(),
};

const { values } = parseArgs({ options: { write: { type: "boolean", default: false } } });
if (values.write) writeFileSync(baselineFile, `${JSON.stringify(rounded(await ratios()), null, 2)}\n`);
else await compare(JSON.parse(readFileSync(baselineFile, "utf8")));

async function compare(baseline: Readonly<Record<string, number>>): Promise<void> {
  let best = await ratios();
  for (let left = tries - 1; left > 0 && dearer(best, baseline).length > 0; left--) best = lower(best, await ratios());
  for (const [name, ratio] of Object.entries(best))
    console.log(
      `= ${name}: ${ratio.toFixed(2)} x a call through cockatiel, baseline ${baseline[name]?.toFixed(2) ?? "none"}`,
    );
  const failed = dearer(best, baseline);
  if (failed.length === 0) return;
  console.error(
    `${failed.join(", ")}: dearer than the baseline by more than ${tolerance}. Find out why, or write a new one with node bench/gate.ts --write and say why in the commit.`,
  );
  process.exitCode = 1;
}

/** CPU time of each contender as a multiple of cockatiel's. */
async function ratios(): Promise<Record<string, number>> {
  const all = { cockatiel: guards.cockatiel(), ...contenders };
  const cpu = await interleaved(
    each(all, (run) => cpuUs(calls, () => repeat(calls, () => run(async () => 1)))),
    rounds,
  );
  return Object.fromEntries(Object.keys(contenders).map((name) => [name, (cpu[name] ?? 0) / (cpu["cockatiel"] ?? 1)]));
}

function dearer(measured: Readonly<Record<string, number>>, baseline: Readonly<Record<string, number>>): string[] {
  return Object.keys(measured).filter((name) => !((measured[name] ?? 0) <= (baseline[name] ?? 0) * tolerance));
}

function lower(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(a).map(([name, ratio]) => [name, Math.min(ratio, b[name] ?? ratio)]));
}

function rounded(measured: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(measured).map(([name, ratio]) => [name, Number(ratio.toFixed(2))]));
}
