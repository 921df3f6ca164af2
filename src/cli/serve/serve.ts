import { existsSync } from "node:fs";
import { CalibrationStore } from "../../calibration/calibration-store.ts";
import type { AnyTool } from "../../contract/tool.ts";
import { messageOf } from "../../core/errors.ts";
import type { RateLimits } from "../../guard/limits.ts";
import { ReliableOrchestrator } from "../../orchestrate/reliable-orchestrator.ts";
import type { RunQueue } from "../../queue/run-queue.ts";
import type { ServiceKey } from "../../server/access.ts";
import { type Listening, listen } from "../../server/listen.ts";
import { genericPrefix, genericTool } from "../../server/served-tools.ts";
import { createService, type Service } from "../../server/service.ts";
import type { EventLog } from "../../store/log/event-log.ts";
import type { RunStore } from "../../store/store.ts";
import { findModels } from "../../tool/prompt/find-models.ts";
import { createRegistry } from "../../tool/registry.ts";
import { limitsOfTools, loadTools, readText } from "../definition/load-tool.ts";
import { CommandError, exitCode, parseJson } from "../faults.ts";
import { counted } from "../progress/format.ts";
import { createTerminal, type Terminal } from "../progress/terminal.ts";

/** Flags of `steer serve`. */
export interface ServeFlags {
  readonly host: string;
  readonly port: number;
  readonly keys?: string;
  readonly path: string;
  readonly events: string;
  readonly url?: string;
  readonly origin?: readonly string[];
  readonly maxRuns: number;
  readonly deadline: number;
  readonly demo?: true;
  readonly queue?: true;
}

/**
 * Serves tools until a signal ends it.
 *
 * @returns the exit code
 * @throws CommandError for a tool, a key or an address that cannot be used; InvalidOptionsError for a model that cannot be asked
 */
export async function serve(names: readonly string[], flags: ServeFlags): Promise<number> {
  const keys = keysFrom(flags);
  const { tools, limits } = await toolsFrom(names, flags);
  if (!keys && !isLoopback(flags.host))
    throw new CommandError(
      `--host ${flags.host} can be reached from other machines. Give keys: --keys keys.json, or STEER_KEYS.`,
    );
  const { store, events, queue } = await openKept(flags);
  try {
    const calibrations = new CalibrationStore();
    const registry = createRegistry(tools.filter((tool) => typeof tool !== "string"));
    const orchestrator = new ReliableOrchestrator({ calibrations, store, events, limits, registry });
    const { origin: origins, maxRuns } = flags;
    const service = createService({ orchestrator, events, queue, tools, keys, origins, maxRuns, logger: console });
    // The models of queued runs are their workers'.
    if (!queue) await findModels(tools.map((tool) => (typeof tool === "string" ? genericTool(tool) : tool)));
    const listening = await open(service, flags);
    const terminal = createTerminal(process.stdout);
    const named = tools.map((tool) => (typeof tool === "string" ? tool : tool.name));
    terminal.write(`${counted(tools.length, "tool")} at ${listening.url}: ${named.join(", ")}\n`);
    if (flags.demo) await playDemo(service, listening.url, keys);
    return await untilStopped(service, listening, flags, terminal);
  } finally {
    await Promise.all([queue?.close(), store.close(), events.close()]);
  }
}

/** Store, event log, and the queue where workers are to run what is asked for. */
interface Kept {
  readonly store: RunStore;
  readonly events: EventLog;
  readonly queue?: RunQueue;
}

/** Opens what keeps the runs and their events: in memory for the demo. */
async function openKept({ demo, path, events, url, queue }: ServeFlags): Promise<Kept> {
  if (queue) {
    const { openSharedPlace } = await import("../queue/queued-orchestrator.ts");
    return openSharedPlace(url);
  }
  if (url !== undefined) {
    const { PostgresStore } = await import("../../store/postgres.ts");
    const { PostgresEventLog } = await import("../../store/log/postgres-log.ts");
    const connection = { connectionString: url };
    return { store: new PostgresStore(connection), events: new PostgresEventLog(connection) };
  }
  if (demo) {
    const { MemoryStore } = await import("../../store/memory.ts");
    const { MemoryEventLog } = await import("../../store/log/memory-log.ts");
    return { store: new MemoryStore(), events: new MemoryEventLog() };
  }
  const { SqliteStore } = await import("../../store/sqlite.ts");
  const { SqliteEventLog } = await import("../../store/log/sqlite-log.ts");
  return { store: new SqliteStore({ path }), events: new SqliteEventLog({ path: events }) };
}

/** @throws CommandError for a tool that cannot be used, or where none is named */
async function toolsFrom(
  names: readonly string[],
  { demo, queue }: ServeFlags,
): Promise<{ tools: (AnyTool | string)[]; limits: RateLimits }> {
  const generic = names.filter((name) => name.startsWith(genericPrefix));
  if (queue && generic.length > 0)
    throw new CommandError(`${generic[0]} is asked by the service itself. Leave out --queue, or write a tool file.`);
  const files = names.filter((name) => !name.startsWith(genericPrefix));
  const loaded = await loadTools(files);
  const replayed = demo ? [await (await import("./demo.ts")).demoTool()] : [];
  const tools = [...replayed, ...loaded.map(({ tool }) => tool), ...generic];
  if (tools.length > 0) return { tools, limits: limitsOfTools(loaded) };
  throw new CommandError(
    "No tool is named. Name a tool file: steer serve triage.yaml; or see it work: steer serve --demo",
  );
}

async function playDemo(service: Service, url: string, [key]: readonly ServiceKey[] = []): Promise<void> {
  const { replay } = await import("./demo.ts");
  void replay(service, url, key?.key);
}

/** @throws CommandError for keys that are not JSON */
function keysFrom({ keys: file }: ServeFlags): readonly ServiceKey[] | undefined {
  const given = process.env["STEER_KEYS"];
  if (file !== undefined) {
    if (!existsSync(file))
      throw new CommandError(
        `${file} cannot be read: it is not there. Write a list of { "name", "key", "tools" } into it.`,
      );
    return parseJson(readText(file), file) as ServiceKey[];
  }
  if (given === undefined || given === "") return undefined;
  try {
    return JSON.parse(given);
  } catch {
    // What is in it is not shown.
    throw new CommandError('STEER_KEYS is not JSON. Write [{ "name": "web", "key": "…" }].');
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** @throws CommandError for an address that cannot be had */
async function open(service: Service, { host, port }: ServeFlags): Promise<Listening> {
  try {
    return await listen(service.fetch, { host, port });
  } catch (error) {
    throw new CommandError(`${host}:${port} cannot be listened at: ${messageOf(error)}. Choose another --port.`, {
      cause: error,
    });
  }
}

const codeOfSignal = { SIGINT: exitCode.interrupted, SIGTERM: exitCode.terminated } as const;

/** Waits for a signal; then takes no more runs, lets those that go on end, and ends within the deadline. */
async function untilStopped(
  service: Service,
  listening: Listening,
  { deadline }: ServeFlags,
  terminal: Terminal,
): Promise<number> {
  const { promise: stopped, resolve } = Promise.withResolvers<keyof typeof codeOfSignal>();
  const signals = Object.keys(codeOfSignal) as (keyof typeof codeOfSignal)[];
  for (const name of signals) process.once(name, () => resolve(name));
  const signal = await stopped;
  for (const name of signals) process.once(name, () => process.exit(codeOfSignal[name]));
  terminal.write("Ending: runs that go on come to their end first. Once more stops at once.\n");
  const { cutOff } = await service.close(deadline);
  await listening.end();
  return cutOff > 0 ? codeOfSignal[signal] : exitCode.done;
}
