import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { findLeaks, growthsIn, slopeOf } from "../../scripts/soak/judge.ts";
import type { Sample } from "../../scripts/soak/sample.ts";
import { createTestDatabase, postgresUrl } from "../support/postgres.ts";

const megabyte = 2 ** 20;

/** A soak of ten minutes in which nothing grows, but for what a change makes of its samples. */
function samplesWith(change: (index: number) => Partial<Sample> = () => ({})): Sample[] {
  return Array.from({ length: 90 }, (_, index) => ({
    atMs: index * 6_000,
    runs: index * 1_000,
    heapBytes: 30 * megabyte + (index % 7) * 100_000,
    externalBytes: 10 * megabyte,
    rssBytes: 270 * megabyte,
    resources: { TCPServerWrap: 1 },
    openFiles: 39,
    processListeners: 8,
    signalListeners: 0,
    unendedRuns: 0,
    openSpans: 0,
    openRequests: 0,
    stores: { memory: { rows: 20 + (index % 5), heldKeys: 0, forgottenKeys: 0 } },
    ...change(index),
  }));
}

describe("the judge of a soak", () => {
  test("finds nothing where nothing grows, whatever the warm-up took", () => {
    expect(findLeaks(samplesWith())).toEqual([]);
    const warmingUp = samplesWith((index) => (index < 20 ? { heapBytes: index * megabyte } : {}));
    expect(findLeaks(warmingUp)).toEqual([]);
  });

  test("finds 64 bytes that are kept for each run", () => {
    const leaking = samplesWith((index) => ({ heapBytes: 30 * megabyte + index * 1_000 * 64 }));
    expect(growthsIn(leaking).find(({ name }) => name === "heap")?.bytesPerRun).toBeCloseTo(64);
    expect(findLeaks(leaking)).toEqual([expect.stringMatching(/^The heap grows: by 3.60 MB .*, 64 bytes a run/)]);
  });

  test.each<[string, Partial<Sample>]>([
    ["listeners on the shared signal", { signalListeners: 1 }],
    ["runs without a terminal event", { unendedRuns: 1 }],
    ["open spans", { openSpans: 1 }],
    ["unfinished requests", { openRequests: 1 }],
    ["sockets", { resources: { TCPSocketWrap: 1 } }],
    ["timers", { resources: { Timeout: 1 } }],
    ["keys that a store holds", { stores: { memory: { rows: 1, heldKeys: 1, forgottenKeys: 0 } } }],
    ["expired keys", { stores: { memory: { rows: 1, heldKeys: 0, forgottenKeys: 1 } } }],
  ])("finds %s that are left when nothing is in flight, in the warm-up already", (name, left) => {
    const samples = samplesWith((index) => (index === 3 ? left : {}));
    expect(findLeaks(samples)).toEqual([expect.stringContaining(`${name}`)]);
  });

  test.each<[string, Partial<Sample>]>([
    ["open files", { openFiles: 40 }],
    ["listeners on the process", { processListeners: 9 }],
    ["active resources of the kind TCPServerWrap", { resources: { TCPServerWrap: 2 } }],
  ])("finds more %s than in the warm-up", (name, more) => {
    const samples = samplesWith((index) => (index === 60 ? more : {}));
    expect(findLeaks(samples)).toEqual([expect.stringContaining(name)]);
  });

  test("measures a slope by least squares", () => {
    expect(slopeOf([1, 2, 3, 4].map((x) => ({ x, y: 5 - 3 * x })))).toBeCloseTo(-3);
  });
});

test("a soak of seconds runs every kind of load, and leaves nothing behind", async () => {
  const database = postgresUrl ? await createTestDatabase() : undefined;
  const env = { ...process.env, ...(database && { DATABASE_URL: database.url }) };
  const soak = ["--no-warnings", "scripts/soak.ts", "--minutes", "0.1"];
  const { stdout } = await promisify(execFile)(process.execPath, soak, { env }).finally(() => database?.drop());
  expect(stdout).toMatch(/^= \d+ runs, \d+ faults met, .*: nothing grew and nothing was left$/m);
  expect(stdout).toContain("rows in sqlite");
}, 120_000);
