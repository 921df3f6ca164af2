import v8 from "node:v8";
import vm from "node:vm";

v8.setFlagsFromString("--expose-gc");
const collectGarbage = vm.runInNewContext("gc") as () => void;

/** CPU time of the process, in microseconds a unit of work. */
export async function cpuUs(units: number, work: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / units;
}

/** Does the same piece of work so many times, one after the other. */
export async function repeat(times: number, work: () => Promise<unknown>): Promise<void> {
  for (let done = 0; done < times; done++) await work();
}

/**
 * Bytes of heap that what `hold` makes takes up while it is held.
 *
 * @param started resolves once all of it is there. Default: at once
 * @param release lets it end, where it does not end by itself
 */
export async function heldBytes(
  units: number,
  hold: () => Promise<unknown>,
  started?: () => Promise<void>,
  release?: () => void,
): Promise<number> {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  const held = hold();
  await started?.();
  collectGarbage();
  const bytes = (process.memoryUsage().heapUsed - before) / units;
  release?.();
  await held;
  return bytes;
}

/**
 * Bytes of heap that a unit of work allocates, garbage included. Only true where the young generation holds all of it:
 * start node with `--max-semi-space-size=128 --min-semi-space-size=128`.
 */
export async function allocatedBytes(units: number, work: () => Promise<unknown>): Promise<number> {
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  await work();
  return (process.memoryUsage().heapUsed - before) / units;
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** The same measurement of each, for `interleaved`. */
export function each<T>(
  named: Readonly<Record<string, T>>,
  measure: (one: T) => Promise<number>,
): Record<string, () => Promise<number>> {
  return Object.fromEntries(Object.entries(named).map(([name, one]) => [name, () => measure(one)]));
}

/** Measures every contender in turn, `rounds` times over after one to warm up; gives the medians. */
export async function interleaved(
  contenders: Readonly<Record<string, () => Promise<number>>>,
  rounds: number,
): Promise<Record<string, number>> {
  const measured = Object.fromEntries(Object.keys(contenders).map((name) => [name, [] as number[]]));
  for (let round = 0; round <= rounds; round++)
    for (const [name, measure] of Object.entries(contenders)) {
      const value = await measure();
      if (round > 0) measured[name]?.push(value);
    }
  return Object.fromEntries(Object.entries(measured).map(([name, values]) => [name, median(values)]));
}
