/**
 * What a summary of K answers costs, without the matrix of their distances and with it, beside code that one writes by
 * hand and beside microdiff on every two answers.
 *
 *     node bench/summary.ts [--json]
 *
 * Rows run in one process, interleaved, five rounds each after one to warm up; medians count. The answers are parsed
 * anew for each round, outside the measured time. Ratios of CPU time are what can be compared between machines.
 *
 * Answers of one long text each, answers with long lists, and as many answers as a bundle may have are summarised once to
 * warm up and three times, by the summary alone; and three times in slices, as a run does it. The longest turn of the event
 * loop is the least of the three, in CPU time of the main thread, so that other processes do not count. Above 50 ms it is a
 * fault.
 *
 * Not measured: parsing, validation, numbers with a tolerance, a similarity of the caller's. The
 * others do less: by hand there are no texts, no confidence and no consensus put together, and microdiff only differs.
 */
import { parseArgs } from "node:util";
import { inSlices } from "../src/core/slices.ts";
import { summarizingParts } from "../src/evidence/internal/parts.ts";
import { cases } from "./summary/cases.ts";
import * as contenders from "./summary/contenders.ts";
import { largeBundles, replicatesFrom } from "./summary/lists.ts";
import { answersOf, longTexts } from "./summary/long-texts.ts";
import { printTarget } from "./targets.ts";

const { ours, oursWithMatrix, naive, naiveWithMatrix, microdiffMatrix } = contenders;
const named = {
  summary: ours,
  "by hand": naive,
  "summary and matrix": oursWithMatrix,
  "by hand, with matrix": naiveWithMatrix,
  microdiff: microdiffMatrix,
};

const rounds = 5;
/** Longest time for which the event loop may stand still. */
const mostTurnMs = 50;
const sizes = [10, 100, 1_000];

/** CPU milliseconds of each contender, in the middle of the rounds. */
function measure(texts: readonly string[]): Record<string, number> {
  const times = Object.fromEntries(Object.keys(named).map((name) => [name, [] as number[]]));
  const repetitions = Math.max(1, Math.round(300 / texts.length));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, contender] of Object.entries(named)) {
      const inputs = Array.from({ length: repetitions }, () =>
        texts.map((text, index) => ({ id: `r${index + 1}`, data: JSON.parse(text) as object })),
      );
      const start = process.cpuUsage();
      for (const input of inputs) contender(input);
      const { user, system } = process.cpuUsage(start);
      if (round > 0) times[name]?.push((user + system) / 1_000 / repetitions);
    }
  }
  return Object.fromEntries(Object.entries(times).map(([name, measured]) => [name, medianOf(measured)]));
}

/** CPU milliseconds of a summary, in the middle of three. */
function measureOnce(answers: Parameters<typeof ours>[0]): number {
  const times = Array.from({ length: 4 }, () => {
    const start = process.cpuUsage();
    ours(answers);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1_000;
  });
  return medianOf(times.slice(1));
}

/** Longest turn of the event loop while a summary is made in slices: of three, the least, in CPU milliseconds. */
async function longestTurnOf(answers: Parameters<typeof ours>[0]): Promise<number> {
  const longest: number[] = [];
  for (let round = 0; round < 3; round++) longest.push(await longestTurnIn(() => inSlices(summarizingParts(answers))));
  return Math.min(...longest);
}

async function longestTurnIn(work: () => unknown): Promise<number> {
  let [turnedAt, longest] = [cpuMs(), 0];
  const look = () => {
    longest = Math.max(longest, cpuMs() - turnedAt);
    turnedAt = cpuMs();
  };
  const lookAtEachTurn = () => {
    look();
    turn = setImmediate(lookAtEachTurn);
  };
  let turn = setImmediate(lookAtEachTurn);
  await work();
  clearImmediate(turn);
  look();
  return longest;
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const results = cases.map(({ name, answers }) => ({
  name,
  bytes: Math.round(answers(1)[0]?.length ?? 0),
  cpuMs: Object.fromEntries(sizes.map((size) => [size, measure(answers(size))])),
}));
const long = [];
for (const texts of longTexts) {
  const given = answersOf(texts);
  long.push({ ...texts, cpuMs: measureOnce(given), longestTurnMs: await longestTurnOf(given) });
}
const large = [];
for (const { name, answers } of largeBundles) {
  const given = replicatesFrom(answers()) as Parameters<typeof ours>[0];
  large.push({ name, cpuMs: measureOnce(given), longestTurnMs: await longestTurnOf(given) });
}
const longestTurnMs = Math.max(...[...long, ...large].map((row) => row.longestTurnMs));

if (values.json) console.log(JSON.stringify({ node: process.version, rounds, results, long, large }, undefined, 2));
else {
  for (const { name, bytes, cpuMs } of results) print(`${name} (20 leaves, ${bytes} bytes)`, cpuMs);
  console.log("\none text that differs everywhere, summary, ms");
  console.table(
    Object.fromEntries(
      long.map(({ count, characters, ...times }) => [
        `${count} of ${characters.toLocaleString("en")} characters`,
        shownTimes(times),
      ]),
    ),
  );
  console.log("\nlong lists, and many answers, summary, ms");
  console.table(Object.fromEntries(large.map(({ name, ...times }) => [name, shownTimes(times)])));
  const atThousand = results[0]?.cpuMs[1_000] ?? {};
  const lists = large.find(({ name }) => name.includes("400 rows with a key"));
  const texts = long.find(({ count, characters }) => count === 1_000 && characters === 4_000);
  const ofThousand = "summary of 1,000 objects of 20 leaves";
  printTarget(ofThousand, atThousand["summary"] as number, "ms", { atMost: 5 });
  printTarget(`${ofThousand}, with distances`, atThousand["summary and matrix"] as number, "ms", { atMost: 15 });
  printTarget("summary of 20 lists of 400 items", lists?.cpuMs as number, "ms", { atMost: 300 });
  printTarget("summary of 1,000 different texts", texts?.cpuMs as number, "ms", { atMost: 500 });
  printTarget("longest turn of the event loop", longestTurnMs, "ms", { atMost: mostTurnMs });
}
if (longestTurnMs > mostTurnMs) process.exitCode = 1;

function shownTimes({ cpuMs, longestTurnMs }: { readonly cpuMs: number; readonly longestTurnMs: number }) {
  return { "summary, ms": cpuMs.toFixed(0), "longest turn, ms": longestTurnMs.toFixed(1) };
}

function print(title: string, cpuMs: Record<string, Record<string, number>>): void {
  const ratio = (size: number, name: string, to: string) =>
    `${(((cpuMs[size]?.[name] as number) / (cpuMs[size]?.[to] as number)) as number).toFixed(1)}x`;
  console.log(`\n${title}`);
  console.table(
    Object.fromEntries(
      Object.keys(named).map((name) => [
        name,
        {
          ...Object.fromEntries(sizes.map((size) => [`K = ${size}, ms`, cpuMs[size]?.[name]?.toFixed(3)])),
          "at K = 1000 to summary": ratio(1_000, name, "summary"),
          "to summary and matrix": ratio(1_000, name, "summary and matrix"),
        },
      ]),
    ),
  );
}
