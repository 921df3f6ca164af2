import { growthsIn, judgedOf, megabytes, warmUpOf } from "./judge.ts";
import type { Sample } from "./sample.ts";

/** So many rows of samples are read. */
const mostRows = 12;

/** A table of samples, thinned, the last one always among them. */
export function tableOf(samples: readonly Sample[]): string {
  const step = Math.max(1, (samples.length - 1) / (mostRows - 1));
  const rows = Math.min(samples.length, mostRows);
  const shown = Array.from({ length: rows }, (_, row) => samples[Math.round(row * step)] as Sample);
  return aligned([Object.keys(cellsOf(shown[0] as Sample)), ...shown.map((sample) => Object.values(cellsOf(sample)))]);
}

function cellsOf(sample: Sample): Record<string, string> {
  const { atMs, runs, heapBytes, externalBytes, rssBytes, resources, openFiles, processListeners } = sample;
  const { signalListeners, openSpans, stores } = sample;
  return {
    "at, s": (atMs / 1000).toFixed(0),
    runs: String(runs),
    "heap, MB": inMegabytes(heapBytes),
    "external, MB": inMegabytes(externalBytes),
    "rss, MB": inMegabytes(rssBytes),
    sockets: String(resources["TCPSocketWrap"] ?? 0),
    timers: String(resources["Timeout"] ?? 0),
    "other handles": String(otherHandles(resources)),
    files: String(openFiles ?? "unknown"),
    "signal's listeners": String(signalListeners),
    "process's": String(processListeners),
    "open spans": String(openSpans),
    ...Object.fromEntries(Object.entries(stores).map(([name, { rows }]) => [`rows in ${name}`, String(rows)])),
  };
}

function otherHandles({ TCPSocketWrap = 0, Timeout = 0, ...others }: Readonly<Record<string, number>>): number {
  return Object.values(others).reduce((sum, count) => sum + count, 0);
}

function inMegabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}

/** How memory grew, beside its limits. */
export function growthTable(samples: readonly Sample[]): string {
  const growths = growthsIn(samples);
  if (growths.length === 0) return "Growth of memory: too short a soak to tell.";
  const rows = growths.map(({ name, bytes, bytesPerRun, limitBytes, limitBytesPerRun }) => {
    return [name, megabytes(bytes), megabytes(limitBytes), bytesPerRun.toFixed(1), limitBytesPerRun.toFixed(1)];
  });
  const samplesText = `${judgedOf(samples).length} samples after a warm-up of ${warmUpOf(samples).length}`;
  return `Growth, by least squares over ${samplesText}:\n${aligned([["", "rise", "limit", "bytes a run", "limit"], ...rows])}`;
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) => row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join("  ")).join("\n");
}
