/**
 * Calls every public entry with hostile input of growing size, and finds those whose time grows faster than their input.
 *
 *     node bench/public-fuzz.ts [--only sameAnswer] [--largest 65536] [--seconds 1.5] [--steps] [--json]
 *
 * The entries are those of the reports in api/: one without a probe, or a reason to have none, is a fault. Each shape is
 * given at 16 KiB and 64 KiB; the slowest shapes of a probe, one after the other, at 256 KiB and 1 MiB as well until the probe
 * has used --seconds for them; and steep ones, since work may grow with the square up to a cap. The best of three counts; larger
 * sizes are left out where one call takes seconds. Times are those of the main thread's CPU, so that other processes do not
 * count, but caches and memory do. The slope is the exponent of time over bytes in the last two
 * sizes: 1 is linear, 2 is quadratic. A slope more than 0.5 above what the documentation says (1 where it says nothing) is
 * measured again, twice, and is a fault where it stays. Below 20 ms no slope is judged.
 *
 * With --steps, V8 counts the blocks of code that are run for 1 KiB and 4 KiB: the same on every machine, and without the
 * work inside V8. All shapes of a probe count together, so that one that grows with the square shows.
 */
import { parseArgs } from "node:util";
import { StepCounter } from "./extraction/steps.ts";
import { publicEntries } from "./public-fuzz/entries.ts";
import { exempt } from "./public-fuzz/exempt.ts";
import type { Shape } from "./public-fuzz/inputs.ts";
import type { Probe } from "./public-fuzz/probe.ts";
import { eventLogProbes } from "./public-fuzz/probes/event-log.ts";
import { evidenceProbes } from "./public-fuzz/probes/evidence.ts";
import { planningProbes } from "./public-fuzz/probes/planning.ts";
import { queueProbes } from "./public-fuzz/probes/queue.ts";
import { reliabilityProbes } from "./public-fuzz/probes/reliability.ts";
import { restProbes } from "./public-fuzz/probes/rest.ts";
import { runProbes } from "./public-fuzz/probes/runs.ts";
import { serviceProbes } from "./public-fuzz/probes/service.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    largest: { type: "string", default: String(2 ** 20) },
    seconds: { type: "string", default: "1.5" },
    steps: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});

const probes = [
  ...evidenceProbes,
  ...runProbes,
  ...restProbes,
  ...planningProbes,
  ...reliabilityProbes,
  ...eventLogProbes,
  ...queueProbes,
  ...serviceProbes,
];
const faults: string[] = [...missing()];

/** Entries without a probe, and reasons for entries that are not there. */
function* missing(): Generator<string> {
  const entries = publicEntries();
  const reached = new Set(probes.flatMap(({ reaches }) => reaches));
  for (const entry of entries)
    if (!reached.has(entry) && !(entry in exempt))
      yield `${entry} is public, and no probe calls it. Add one, or a reason to exempt.ts.`;
  for (const entry of Object.keys(exempt))
    if (!entries.includes(entry)) yield `${entry} is exempt, and api/ does not show it.`;
}

/** A call may refuse its input, by an error of ours. */
async function call(probe: Probe, input: unknown): Promise<void> {
  try {
    await probe.run(input);
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError || error instanceof SyntaxError) throw error;
  }
}

async function callOrFault(probe: Probe, shape: Shape<unknown>, bytes: number): Promise<void> {
  try {
    await call(probe, shape.make(bytes));
  } catch (error) {
    note(probe, shape, bytes, error);
  }
}

/** Notes a fault of a shape once. */
function note(probe: Probe, shape: Shape<unknown>, bytes: number, error: unknown): void {
  const fault = `${probe.name}, ${shape.name}, ${sizeOf(bytes)}: ${String(error).slice(0, 300)}`;
  if (!faults.some((known) => known.startsWith(`${probe.name}, ${shape.name}, `))) faults.push(fault);
}

function sizeOf(bytes: number): string {
  return bytes < 2 ** 20 ? `${bytes / 2 ** 10} KiB` : `${bytes / 2 ** 20} MiB`;
}

// ---- times

const sizes = [2 ** 14, 2 ** 16, 2 ** 18, 2 ** 20].filter((bytes) => bytes <= Number(values.largest));
/** Sizes at which every shape is given. */
const sizesOfAll = sizes.filter((bytes) => bytes <= 2 ** 16);
const rounds = 3;
const leastJudgedMs = 20;
/** The kernel may count CPU in ticks of 4 ms: a shorter time is noise. */
const cpuTickMs = 4;
const mostMs = 4_000;
/** Most by which a slope may be above the documented one. */
const leeway = 0.5;

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Calls once. An error that is not ours is a fault. */
async function msOf(probe: Probe, shape: Shape<unknown>, bytes: number): Promise<number> {
  const input = shape.make(bytes);
  const startedAt = cpuMs();
  try {
    await call(probe, input);
  } catch (error) {
    note(probe, shape, bytes, error);
  }
  return cpuMs() - startedAt;
}

async function bestOf(probe: Probe, shape: Shape<unknown>, bytes: number): Promise<number> {
  let best = await msOf(probe, shape, bytes);
  for (let round = 1; round < rounds && best > leastJudgedMs / 4 && best < mostMs / 4; round++)
    best = Math.min(best, await msOf(probe, shape, bytes));
  return best;
}

interface Row {
  readonly probe: string;
  readonly shape: string;
  readonly ms: readonly number[];
  readonly slope: number | undefined;
}

async function rowsOf(probe: Probe): Promise<Row[]> {
  const timesOf = new Map<Shape<unknown>, number[]>();
  for (const shape of probe.shapes) {
    const ms: number[] = [];
    timesOf.set(shape, ms);
    for (const bytes of sizesOfAll) if ((ms.at(-1) ?? 0) < mostMs / 4) ms.push(await bestOf(probe, shape, bytes));
  }
  const byTime = [...timesOf].sort(([, a], [, b]) => (b.at(-1) ?? 0) - (a.at(-1) ?? 0));
  const isInTime = fewSeconds();
  for (const [shape, ms] of byTime)
    for (const bytes of sizes.slice(ms.length))
      if ((ms.at(-1) ?? 0) < mostMs / 4 && isInTime()) ms.push(await bestOf(probe, shape, bytes));
  for (const [shape, ms] of timesOf) await examine(probe, shape, ms);
  return [...timesOf].map(([shape, ms]) => ({ probe: probe.name, shape: shape.name, ms, slope: slopeOf(ms) }));
}

/** Measures a steep shape at larger sizes, where a cap may end the growth, and again, where another process was in the way. */
async function examine(probe: Probe, shape: Shape<unknown>, ms: number[]): Promise<void> {
  for (const bytes of sizes.slice(ms.length))
    if (isSteep(probe, slopeOf(ms)) && (ms.at(-1) ?? 0) < mostMs / 4) ms.push(await bestOf(probe, shape, bytes));
  for (let again = 0; again < 2 && isSteep(probe, slopeOf(ms)); again++)
    for (const at of [ms.length - 2, ms.length - 1])
      ms[at] = Math.min(ms[at] as number, await bestOf(probe, shape, sizes[at] as number));
}

/** Tells if the main thread has used less than --seconds since. */
function fewSeconds(): () => boolean {
  const startedAt = cpuMs();
  return () => cpuMs() - startedAt < Number(values.seconds) * 1_000;
}

function slopeOf(ms: readonly number[]): number | undefined {
  const [before = 0, last = 0] = ms.slice(-2);
  return last < leastJudgedMs ? undefined : Math.log(last / Math.max(cpuTickMs, before)) / Math.log(4);
}

function isSteep({ documentedPower = 1 }: Probe, slope = 0): boolean {
  return slope > documentedPower + leeway;
}

// ---- steps

const counted = [2 ** 10, 2 ** 12] as const;
const steepestInSteps = 1.3;
const fewestSteps = 10_000;

/** Counted up to three times where it looks steep: V8 counts a block twice where it has thrown its code away and compiles it anew. */
async function stepsOf(probe: Probe, counter: StepCounter): Promise<Record<string, number>> {
  const shapes = probe.shapes.filter(({ isCapped }) => !isCapped);
  for (const shape of shapes) await callOrFault(probe, shape, counted[0]);
  let [before, last, slope] = await countSteps(probe, shapes, counter);
  for (let round = 1; round < rounds && isSteepInSteps(slope, last); round++)
    [before, last, slope] = await countSteps(probe, shapes, counter);
  if (isSteepInSteps(slope, last))
    faults.push(`${probe.name}: its steps grow with bytes to the power of ${slope.toFixed(2)}.`);
  return { "1 KiB": before, "4 KiB": last, slope: Number(slope.toFixed(2)) };
}

function isSteepInSteps(slope: number, last: number): boolean {
  return slope > steepestInSteps && last > fewestSteps;
}

async function countSteps(
  probe: Probe,
  shapes: readonly Shape<unknown>[],
  counter: StepCounter,
): Promise<[before: number, last: number, slope: number]> {
  const steps: number[] = [];
  for (const bytes of counted) {
    const all = await counter.countAll(async () => {
      for (const shape of shapes) await callOrFault(probe, shape, bytes);
    });
    steps.push(all);
  }
  const [before = 1, last = 1] = steps;
  return [before, last, Math.log(last / before) / Math.log(counted[1] / counted[0])];
}

// ----

const chosen = probes.filter(({ name }) => values.only === undefined || name.startsWith(values.only));
if (values.steps) {
  const counter = new StepCounter();
  const rows: Record<string, Record<string, number>> = {};
  for (const probe of chosen) rows[probe.name] = await stepsOf(probe, counter);
  if (values.json) console.log(JSON.stringify({ rows, faults }));
  else console.table(rows);
} else {
  const rows: Row[] = [];
  for (const probe of chosen) {
    const own = await rowsOf(probe);
    rows.push(...own);
    for (const { shape, slope } of own)
      if (isSteep(probe, slope))
        faults.push(`${probe.name}, ${shape}: grows with bytes to the power of ${slope?.toFixed(2)}`);
    if (!values.json) print(probe.name, own);
  }
  if (values.json) console.log(JSON.stringify({ rows, faults }));
  else
    console.log(
      `\n${new Set(chosen.flatMap(({ reaches }) => reaches)).size} entries, ${chosen.length} probes, ${rows.length} shapes of them`,
    );
}
if (!values.json) for (const fault of faults) console.log(`FAULT: ${fault}`);
if (faults.length > 0) process.exitCode = 1;

/** The slowest shape of a probe, and the steepest of those that are judged. */
function print(name: string, rows: readonly Row[]): void {
  const last = ({ ms }: Row) => (ms.at(-1) ?? 0) * 4 ** (sizes.length - ms.length);
  const slowest = rows.reduce((most, row) => (last(row) > last(most) ? row : most));
  const judged = rows.filter(({ slope }) => slope !== undefined);
  const steep = judged.reduce(
    (most: Row | undefined, row) => ((row.slope ?? 0) > (most?.slope ?? 0) ? row : most),
    undefined,
  );
  console.log(`\n${name} (${rows.length} shapes, ${judged.length} above ${leastJudgedMs} ms)`);
  for (const row of new Set([slowest, ...(steep ? [steep] : [])]))
    console.log(
      `  ${row.shape.slice(0, 36).padEnd(36)} ${row.ms.map((ms, at) => `${sizeOf(sizes[at] as number)} -> ${ms.toFixed(ms < 10 ? 1 : 0)} ms`).join(", ")}${row.slope === undefined ? "" : `, slope ${row.slope.toFixed(2)}`}`,
    );
}
