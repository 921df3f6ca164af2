import type { Sample } from "./sample.ts";

/**
 * How much may be kept for each run, in bytes: less than an entry of a map, a listener or a closure takes, what they refer to
 * not counted.
 */
const keptBytesPerRun = 8;

/** How much may come and go beside that, in bytes. */
const settlingBytes = {
  /**
   * The engine goes on compiling code, and throwing it away, long after the warm-up. Two heap snapshots 30,000 runs apart
   * differ by 0.5 MB of that, and by 10 KB of objects, which are the samples themselves.
   */
  heapBytes: 2 * 2 ** 20,
  /** Buffers of sockets and of SQLite's pages. */
  externalBytes: 1 * 2 ** 20,
  /**
   * Engine and allocator keep the pages that the busiest moment took, and on a shared machine a busier one may come late:
   * it rises by steps of 10 to 15 MB, and stays.
   */
  rssBytes: 64 * 2 ** 20,
};

/** Before, the process still grows to the size that it works with; a soak with a shorter warm-up is judged without growth. */
const shortestWarmUpMs = 20_000;

const namesOfMemory = { heapBytes: "heap", externalBytes: "external memory", rssBytes: "resident memory" };

type Memory = keyof typeof settlingBytes;

/** How a kind of memory grew after the warm-up. */
export interface Growth {
  readonly name: string;
  /** The rise of the least-squares line from the first judged sample to the last. */
  readonly bytes: number;
  readonly bytesPerRun: number;
  readonly limitBytes: number;
  readonly limitBytesPerRun: number;
}

/** The first third of the samples: caches fill, code is compiled, pools open their connections. */
export function warmUpOf(samples: readonly Sample[]): readonly Sample[] {
  return samples.slice(0, Math.ceil(samples.length / 3));
}

/** What the limits are about. */
export function judgedOf(samples: readonly Sample[]): readonly Sample[] {
  return samples.slice(warmUpOf(samples).length);
}

/** Empty where the warm-up was too short to tell. */
export function growthsIn(samples: readonly Sample[]): Growth[] {
  const judged = judgedOf(samples);
  const [first, last] = [judged[0], judged.at(-1)];
  if (!first || !last || first === last || first.atMs < shortestWarmUpMs) return [];
  const runs = last.runs - first.runs;
  return (Object.keys(settlingBytes) as Memory[]).map((memory) => {
    const points = judged.map((sample) => ({ x: sample.atMs, y: sample[memory] }));
    const bytes = slopeOf(points) * (last.atMs - first.atMs);
    const limitBytes = settlingBytes[memory] + keptBytesPerRun * runs;
    return {
      name: namesOfMemory[memory],
      bytes,
      bytesPerRun: bytes / runs,
      limitBytes,
      limitBytesPerRun: limitBytes / runs,
    };
  });
}

/** By least squares. */
export function slopeOf(points: readonly { readonly x: number; readonly y: number }[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(points.map(({ x }) => x)), mean(points.map(({ y }) => y))];
  const covariance = mean(points.map(({ x, y }) => (x - meanX) * (y - meanY)));
  return covariance / mean(points.map(({ x }) => (x - meanX) ** 2));
}

/** What grew or was left behind, a sentence each. Empty: nothing. */
export function findLeaks(samples: readonly Sample[]): string[] {
  return [...findGrowth(samples), ...findMoreThanWarmUp(samples), ...findLeftovers(samples)];
}

function findGrowth(samples: readonly Sample[]): string[] {
  return growthsIn(samples)
    .filter(({ bytes, limitBytes }) => bytes > limitBytes)
    .map(
      ({ name, bytes, bytesPerRun, limitBytes }) =>
        `The ${name} grows: by ${megabytes(bytes)} after the warm-up, ${bytesPerRun.toFixed(0)} bytes a run; the limit is ${megabytes(limitBytes)}.`,
    );
}

/** What is pooled is as much as ever after the warm-up; what is more of it then was not given back. */
function findMoreThanWarmUp(samples: readonly Sample[]): string[] {
  const most = (part: readonly Sample[], count: (sample: Sample) => number) => Math.max(...part.map(count));
  const kinds = new Set(samples.flatMap(({ resources }) => Object.keys(resources)));
  const counts: [string, (sample: Sample) => number][] = [
    ...Array.from(kinds, (kind): [string, (sample: Sample) => number] => [
      `active resources of the kind ${kind}`,
      ({ resources }) => resources[kind] ?? 0,
    ]),
    ["open files", ({ openFiles }) => openFiles ?? 0],
    ["listeners on the process", ({ processListeners }) => processListeners],
  ];
  return counts.flatMap(([name, count]) => {
    const [before, after] = [most(warmUpOf(samples), count), most(judgedOf(samples), count)];
    return after > before ? [`There are up to ${after} ${name}, and there were at most ${before} in the warm-up.`] : [];
  });
}

/** What has to be gone whenever nothing is in flight. */
function findLeftovers(samples: readonly Sample[]): string[] {
  const inStores = (count: (contents: Sample["stores"][string]) => number) => (sample: Sample) =>
    Object.values(sample.stores).reduce((sum, contents) => sum + count(contents), 0);
  const counts: [string, (sample: Sample) => number][] = [
    ["listeners on the shared signal", ({ signalListeners }) => signalListeners],
    ["runs without a terminal event", ({ unendedRuns }) => unendedRuns],
    ["open spans", ({ openSpans }) => openSpans],
    ["unfinished requests to the provider", ({ openRequests }) => openRequests],
    ["sockets", ({ resources }) => resources["TCPSocketWrap"] ?? 0],
    ["timers", ({ resources }) => resources["Timeout"] ?? 0],
    ["keys that a store holds for no run", inStores(({ heldKeys }) => heldKeys)],
    ["expired keys that a store has not removed", inStores(({ forgottenKeys }) => forgottenKeys)],
  ];
  return counts.flatMap(([name, count]) => {
    const left = samples.filter((sample) => count(sample) !== 0);
    if (left.length === 0) return [];
    const many = Math.max(...left.map(count));
    return [
      `Nothing is in flight, and yet there are ${name}: up to ${many}, in ${left.length} of ${samples.length} samples.`,
    ];
  });
}

export function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(2)} MB`;
}
