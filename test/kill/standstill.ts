import { monitorEventLoopDelay } from "node:perf_hooks";

const resolutionMs = 10;

/**
 * Measures for how long this process stood still without work of its own: while it was ready, and the machine did other
 * work.
 *
 * @returns a function that tells the time since the call, in milliseconds
 */
export function watchStandstill(): () => number {
  const delays = monitorEventLoopDelay({ resolution: resolutionMs });
  const before = process.cpuUsage();
  delays.enable();
  return () => {
    const { user, system } = process.cpuUsage(before);
    const lateMs = delays.count === 0 ? 0 : delays.count * (delays.mean / 1e6 - resolutionMs);
    return Math.max(0, lateMs - (user + system) / 1000);
  };
}
