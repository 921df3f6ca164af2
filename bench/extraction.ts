/**
 * Measures how long reading an answer takes, for texts that are made to be slow, and how long it blocks the process. Times
 * are those of the main thread's CPU.
 *
 *     node bench/extraction.ts [--json]
 *     node bench/extraction.ts --steps [--json]
 *
 * Each shape is read at a quarter, a half and the whole of a mebibyte, as JSON, as a number or a word, and as text; the best of
 * three counts. The slope is the exponent of time over bytes from a quarter to the whole: 1 is linear, 2 is quadratic. The longest
 * turn is that of the event loop, in any of the three forms. With --steps, V8 counts the blocks of code that are run for each
 * byte: the same on every machine.
 *
 * Not measured: the check by a schema of the caller's, which may take what time it likes.
 */
import { parseArgs } from "node:util";
import { readAnswer } from "../src/schema/read-answer.ts";
import { type Shape, shapes, textOf } from "./extraction/shapes.ts";
import { StepCounter } from "./extraction/steps.ts";

const options = { json: { type: "boolean", default: false }, steps: { type: "boolean", default: false } } as const;
const { values } = parseArgs({ options });

const holdsA = (value: unknown) => Object(value) === value && "a" in Object(value);
const forms = {
  JSON: { jsonSchema: { type: "object", required: ["a"] }, check: async (value: unknown) => ({ ok: holdsA(value) }) },
  scalar: { jsonSchema: { type: "number" }, check: async (value: unknown) => ({ ok: value === 0.5 }) },
  text: undefined,
};

type Form = keyof typeof forms;

async function read(text: string, form: Form): Promise<void> {
  await readAnswer(text, { finishReason: "stop", schema: forms[form] }).catch(() => undefined);
}

const names = Object.keys(forms) as Form[];

// ---- times

const rounds = 3;

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

interface Times {
  readonly ms: number;
  readonly longestTurn: number;
}

async function timesOf(text: string, form: Form): Promise<Times> {
  const startedAt = cpuMs();
  let [turnedAt, longestTurn] = [startedAt, 0];
  const look = () => {
    longestTurn = Math.max(longestTurn, cpuMs() - turnedAt);
    turnedAt = cpuMs();
  };
  const lookAtEachTurn = () => {
    look();
    turn = setImmediate(lookAtEachTurn);
  };
  let turn = setImmediate(lookAtEachTurn);
  await read(text, form);
  clearImmediate(turn);
  look();
  return { ms: cpuMs() - startedAt, longestTurn };
}

async function bestOf(text: string, form: Form): Promise<Times> {
  let [ms, longestTurn] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < rounds; round++) {
    const times = await timesOf(text, form);
    ms = Math.min(ms, times.ms);
    longestTurn = Math.min(longestTurn, times.longestTurn);
  }
  return { ms, longestTurn };
}

async function rowOfTimes(shape: Shape): Promise<Record<string, number>> {
  const [quarter, half] = [await bestOf(textOf(shape, 2 ** 18), "JSON"), await bestOf(textOf(shape, 2 ** 19), "JSON")];
  const text = textOf(shape, 2 ** 20);
  const [whole, scalar, asText] = [
    await bestOf(text, "JSON"),
    await bestOf(text, "scalar"),
    await bestOf(text, "text"),
  ];
  return {
    "256 KiB, ms": quarter.ms,
    "512 KiB, ms": half.ms,
    "1 MiB, ms": whole.ms,
    slope: Math.log(Math.max(1, whole.ms) / Math.max(1, quarter.ms)) / Math.log(4),
    "as a scalar": scalar.ms,
    "as text": asText.ms,
    "longest turn": Math.max(whole.longestTurn, scalar.longestTurn, asText.longestTurn),
  };
}

// ---- steps

const counted = 2 ** 16;

async function rowOfSteps(shape: Shape, counter: StepCounter): Promise<Record<string, number>> {
  const text = textOf(shape, counted);
  const row: Record<string, number> = {};
  for (const form of names) {
    const { all, atOnce } = await counter.count(() => read(text, form));
    row[form] = all / counted;
    row["at once"] = Math.max(row["at once"] ?? 0, atOnce / counted);
  }
  return row;
}

const counter = values.steps ? new StepCounter() : undefined;
const rows: Record<string, Record<string, number>> = {};
for (const shape of shapes) rows[shape.name] = counter ? await rowOfSteps(shape, counter) : await rowOfTimes(shape);

if (values.json) console.log(JSON.stringify({ node: process.version, rows }, undefined, 2));
else {
  const digits = (row: Record<string, number>) =>
    Object.fromEntries(Object.entries(row).map(([name, value]) => [name, value.toFixed(name === "slope" ? 2 : 1)]));
  console.table(Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, digits(row)])));
  const measure = counter ? "at once" : "longest turn";
  const most = Math.max(...Object.values(rows).map((row) => row[measure] ?? 0));
  console.log(`${shapes.length} shapes; ${measure}: at most ${most.toFixed(1)} ${counter ? "blocks a byte" : "ms"}`);
  // The event loop may stand still for 50 ms.
  if (!counter && most > 50) process.exitCode = 1;
}
