/**
 * What a summary of K answers costs, without the matrix of their distances and with it, beside code that one writes by
 * hand and beside microdiff on every two answers.
 *
 *     node bench/summary.ts [--json]
 *
 * Rows run in one process, interleaved, five rounds each after one to warm up; medians count. The answers are parsed
 * anew for each round, outside the measured time. Ratios of CPU time are what can be compared between machines.
 *
 * Answers of one long text each, answers with long lists, and very many answers are summarised once to warm up and three
 * times, by the summary alone.
 *
 * Not measured: parsing, validation, numbers with a tolerance, a similarity of the caller's. The
 * others do less: by hand there are no texts, no confidence and no consensus put together, and microdiff only differs.
 */
import { parseArgs } from "node:util";
import { cases } from "./summary/cases.ts";
import * as contenders from "./summary/contenders.ts";
import { largeBundles, replicatesFrom } from "./summary/lists.ts";
import { answersOf, longTexts } from "./summary/long-texts.ts";

const { ours, oursWithMatrix, naive, naiveWithMatrix, microdiffMatrix } = contenders;
const named = {
  summary: ours,
  "by hand": naive,
  "summary and matrix": oursWithMatrix,
  "by hand, with matrix": naiveWithMatrix,
  microdiff: microdiffMatrix,
};

const rounds = 5;
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

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const results = cases.map(({ name, answers }) => ({
  name,
  bytes: Math.round(answers(1)[0]?.length ?? 0),
  cpuMs: Object.fromEntries(sizes.map((size) => [size, measure(answers(size))])),
}));
const long = longTexts.map((texts) => ({ ...texts, cpuMs: measureOnce(answersOf(texts)) }));
const large = largeBundles.map(({ name, answers }) => ({
  name,
  cpuMs: measureOnce(replicatesFrom(answers()) as Parameters<typeof ours>[0]),
}));

if (values.json) console.log(JSON.stringify({ node: process.version, rounds, results, long, large }, undefined, 2));
else {
  for (const { name, bytes, cpuMs } of results) print(`${name} (20 leaves, ${bytes} bytes)`, cpuMs);
  console.log("\none text that differs everywhere, summary, ms");
  console.table(
    Object.fromEntries(
      long.map(({ count, characters, cpuMs }) => [
        `${count} of ${characters.toLocaleString("en")} characters`,
        cpuMs.toFixed(0),
      ]),
    ),
  );
  console.log("\nlong lists, and many answers, summary, ms");
  console.table(Object.fromEntries(large.map(({ name, cpuMs }) => [name, cpuMs.toFixed(0)])));
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
