import { CalibrationStore } from "../../calibration/calibration-store.ts";
import type { RateLimits } from "../../guard/limits.ts";
import { ReliableOrchestrator } from "../../orchestrate/reliable-orchestrator.ts";
import { createFleet } from "../../queue/fleet.ts";
import { findModels } from "../../tool/prompt/find-models.ts";
import { createRegistry } from "../../tool/registry.ts";
import { limitsOfTools, loadTools } from "../definition/load-tool.ts";
import { exitCode } from "../faults.ts";
import { counted } from "../progress/format.ts";
import { createTerminal } from "../progress/terminal.ts";
import { openSharedPlace } from "./queued-orchestrator.ts";

/** Flags of `steer worker`. */
export interface WorkerFlags {
  readonly tools: readonly string[];
  readonly concurrency: number;
  readonly url?: string;
  readonly limits?: RateLimits;
  /** In milliseconds. */
  readonly deadline: number;
}

const codeOfSignal = { SIGINT: exitCode.interrupted, SIGTERM: exitCode.terminated } as const;

/**
 * Works on runs of a queue until a signal ends it.
 *
 * @returns the exit code
 * @throws CommandError for a tool that cannot be used, StoreError for a database that cannot
 */
export async function workQueue({ tools: files, concurrency, url, deadline, ...flags }: WorkerFlags): Promise<number> {
  const loaded = await loadTools(files);
  const tools = loaded.map(({ tool }) => tool);
  const limits = { ...limitsOfTools(loaded), ...flags.limits };
  await findModels(tools);
  const { queue, store, events, close } = openSharedPlace(url);
  const orchestrator = new ReliableOrchestrator({
    store,
    events,
    registry: createRegistry(tools),
    calibrations: new CalibrationStore(),
  });
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  const signals = Object.keys(codeOfSignal) as (keyof typeof codeOfSignal)[];
  for (const name of signals) process.once(name, () => resolve());
  const terminal = createTerminal(process.stdout);
  const pacing = Object.keys(limits).length > 0 ? { limits } : {};
  const worker = await createFleet({ queue, orchestrator, ...pacing }).work({ concurrency });
  const named = tools.map(({ name, version }) => `${name}@${version}`).join(", ");
  terminal.write(`Working on ${named}, ${counted(concurrency, "run")} at once.\n`);
  await stopped;
  for (const name of signals) process.once(name, () => process.exit(codeOfSignal[name]));
  terminal.write("Draining: runs that go on come to their end first. Once more stops at once.\n");
  await worker.drain(deadline);
  await close();
  return exitCode.done;
}
