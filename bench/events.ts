/**
 * What an event costs on its way from the run that emits it to the `for await` that reads it.
 *
 *     node bench/events.ts [--json]
 *
 * The rows run in one process, interleaved, five rounds each; medians count. Rates are per second of CPU time. "One by
 * one": the producer goes on once the reader has its event, as where the caller keeps up. "In bursts": 1,000 events at
 * once. The delay is that from `emit` to the reader's code, one by one, the reading of the clock included.
 *
 * The second table says what the frozen copy costs that listeners get of an event's data: CPU time a copy, beside
 * `structuredClone` of the same data, which is not frozen. A run that no listener hears makes no copy.
 *
 * Not measured: the time stamp of an event, its redaction, listeners, readers that do work of their own.
 */
import { parseArgs } from "node:util";
import { frozenCopy } from "../src/core/canonical.ts";
import { Emitter } from "../src/core/emitter.ts";
import { createEvidenceBundle, type Replicate } from "../src/index.ts";
import { printTarget } from "./targets.ts";

interface Event {
  readonly seq: number;
  readonly emittedAtMs: number;
}

/** A way to hand events from a producer to a reader. */
interface Channel {
  readonly emit: (event: Event) => void;
  readonly events: AsyncIterable<Event>;
}

const channels: Readonly<Record<string, () => Channel>> = {
  emitter() {
    const emitter = new Emitter<Event>();
    return { emit: (event) => emitter.emit(event), events: emitter.read() };
  },
  /** The usual way: write into a stream and read it at its other end. */
  TransformStream() {
    const roomy = { highWaterMark: 2_000 };
    const { writable, readable } = new TransformStream<Event, Event>(undefined, roomy, roomy);
    const writer = writable.getWriter();
    return { emit: (event) => void writer.write(event), events: readable };
  },
};

interface Measured {
  readonly oneByOnePerSecond: number;
  readonly inBurstsPerSecond: number;
  readonly delayP50Us: number;
  readonly delayP99Us: number;
}

const eventsPerRound = 200_000;
const rounds = 5;

async function measure(open: () => Channel): Promise<Measured> {
  const delays = await delaysOf(open(), 20_000);
  return {
    oneByOnePerSecond: await rateOf(open(), 1),
    inBurstsPerSecond: await rateOf(open(), 1_000),
    delayP50Us: quantile(delays, 0.5),
    delayP99Us: quantile(delays, 0.99),
  };
}

/** Events per second of CPU time, emitted in bursts of a size. */
async function rateOf(channel: Channel, burst: number): Promise<number> {
  const reader = { count: 0 };
  const reading = readInto(reader, channel.events, eventsPerRound);
  const start = process.cpuUsage();
  for (let seq = 0; seq < eventsPerRound; ) {
    for (const end = seq + burst; seq < end; seq++) channel.emit({ seq, emittedAtMs: 0 });
    while (reader.count < seq) await undefined;
  }
  const { user, system } = process.cpuUsage(start);
  await reading;
  return eventsPerRound / ((user + system) / 1e6);
}

async function readInto(reader: { count: number }, events: AsyncIterable<Event>, total: number): Promise<void> {
  for await (const _ of events) if (++reader.count === total) break;
}

async function delaysOf(channel: Channel, total: number): Promise<number[]> {
  const delays: number[] = [];
  const reading = (async () => {
    for await (const event of channel.events) {
      delays.push((performance.now() - event.emittedAtMs) * 1e3);
      if (delays.length === total) break;
    }
  })();
  for (let seq = 0; seq < total; seq++) {
    channel.emit({ seq, emittedAtMs: performance.now() });
    while (delays.length <= seq) await undefined;
  }
  await reading;
  return delays;
}

function quantile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? Number.NaN;
}

async function medians(): Promise<Record<string, Measured>> {
  const runs = Object.fromEntries(Object.keys(channels).map((name) => [name, [] as Measured[]]));
  for (let round = 0; round <= rounds; round++)
    for (const [name, open] of Object.entries(channels)) {
      const measured = await measure(open);
      if (round > 0) runs[name]?.push(measured);
    }
  return Object.fromEntries(Object.entries(runs).map(([name, measured]) => [name, medianOf(measured)]));
}

function medianOf(runs: readonly Measured[]): Measured {
  const median = (pick: (measured: Measured) => number) => quantile(runs.map(pick), 0.5);
  return {
    oneByOnePerSecond: median((measured) => measured.oneByOnePerSecond),
    inBurstsPerSecond: median((measured) => measured.inBurstsPerSecond),
    delayP50Us: median((measured) => measured.delayP50Us),
    delayP99Us: median((measured) => measured.delayP99Us),
  };
}

/** Data of the events that a run of ten replicates reports. */
async function eventData(): Promise<Readonly<Record<string, object>>> {
  const replicates = Array.from({ length: 10 }, (_, index): Replicate => {
    const data = {
      severity: "high",
      component: "parser",
      tags: ["crash", "input"],
      summary: "It crashes on empty input.",
    };
    const usage = { inputTokens: 300, outputTokens: 60, totalTokens: 360, requests: 1 };
    const facts = {
      id: `r${index + 1}`,
      seed: index,
      model: "m-1",
      usage,
      costUsd: 0.001,
      elapsedMs: 900,
      attempts: 1,
    };
    return { ...facts, valid: true, data, quality: { valid: true } };
  });
  const evidenceBundle = await createEvidenceBundle({
    task: "triage",
    replicates,
    options: { k: 10, seeds: [] } as any,
  });
  const delta = { text: "It crashes", replicateId: "r1" };
  return { delta, replicate_done: { replicate: replicates[0] as Replicate }, bundle_ready: { evidenceBundle } };
}

function copyUs(copy: (data: object) => object, data: object): number {
  const copies = 5_000;
  const rates = Array.from({ length: rounds + 1 }, () => {
    const start = process.cpuUsage();
    for (let count = 0; count < copies; count++) copy(data);
    const { user, system } = process.cpuUsage(start);
    return (user + system) / copies;
  });
  return quantile(rates.slice(1), 0.5);
}

async function copies() {
  return Object.fromEntries(
    Object.entries(await eventData()).map(([type, data]) => [
      type,
      { "frozen copy, us": copyUs(frozenCopy, data), "structuredClone, us": copyUs(structuredClone, data) },
    ]),
  );
}

const { values } = parseArgs({ options: { json: { type: "boolean", default: false } } });
const results = await medians();
const copied = await copies();
if (values.json)
  console.log(JSON.stringify({ node: process.version, eventsPerRound, rounds, results, copied }, undefined, 2));
else {
  console.table(
    Object.fromEntries(
      Object.entries(results).map(([name, measured]) => [
        name,
        {
          "one by one, M/s": (measured.oneByOnePerSecond / 1e6).toFixed(2),
          "in bursts, M/s": (measured.inBurstsPerSecond / 1e6).toFixed(2),
          "p50 delay, us": measured.delayP50Us.toFixed(2),
          "p99 delay, us": measured.delayP99Us.toFixed(2),
        },
      ]),
    ),
  );
  const rounded = Object.entries(copied).map(([type, row]) => [
    type,
    Object.fromEntries(Object.entries(row).map(([name, us]) => [name, us.toFixed(2)])),
  ]);
  console.table(Object.fromEntries(rounded));
  const { oneByOnePerSecond = 0, delayP50Us = 0 } = results["emitter"] ?? {};
  printTarget("events to a reader, one by one", oneByOnePerSecond / 1e6, "M/s", { atLeast: 3 });
  printTarget("delay of an event, p50", delayP50Us, "us", { atMost: 1 });
}
