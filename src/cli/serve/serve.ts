import { existsSync } from "node:fs";
import { CalibrationStore } from "../../calibration/calibration-store.ts";
import type { AnyTool } from "../../contract/tool.ts";
import { messageOf } from "../../core/errors.ts";
import { ReliableOrchestrator } from "../../orchestrate/reliable-orchestrator.ts";
import type { ServiceKey } from "../../server/access.ts";
import { type Listening, listen } from "../../server/listen.ts";
import { genericPrefix } from "../../server/served-tools.ts";
import { createService, type Service } from "../../server/service.ts";
import { MemoryEventLog } from "../../store/log/memory-log.ts";
import { loadTools, readText } from "../definition/load-tool.ts";
import { CommandError, exitCode, parseJson } from "../faults.ts";
import { counted } from "../progress/format.ts";
import { createTerminal, type Terminal } from "../progress/terminal.ts";

/** Flags of `steer serve`. */
export interface ServeFlags {
  readonly host: string;
  readonly port: number;
  readonly keys?: string;
  readonly path: string;
  readonly url?: string;
  readonly origin?: readonly string[];
  readonly maxRuns: number;
  readonly deadline: number;
  readonly demo?: true;
}

/**
 * Serves tools until a signal ends it.
 *
 * @returns the exit code
 * @throws CommandError for a tool, a key or an address that cannot be used
 */
export async function serve(names: readonly string[], flags: ServeFlags): Promise<number> {
  const keys = keysFrom(flags);
  const tools = await toolsFrom(names, flags);
  if (!keys && !isLoopback(flags.host))
    throw new CommandError(
      `--host ${flags.host} can be reached from other machines. Give keys: --keys keys.json, or STEER_KEYS.`,
    );
  const events = new MemoryEventLog();
  const orchestrator = new ReliableOrchestrator({ calibrations: new CalibrationStore(), events });
  const service = createService({ orchestrator, events, tools, keys, origins: flags.origin, maxRuns: flags.maxRuns });
  const listening = await open(service, flags);
  const terminal = createTerminal(process.stdout);
  const named = tools.map((tool) => (typeof tool === "string" ? tool : tool.name));
  terminal.write(`${counted(tools.length, "tool")} at ${listening.url}: ${named.join(", ")}\n`);
  if (flags.demo) await playDemo(service, listening.url);
  return untilStopped(service, listening, flags, terminal);
}

/** @throws CommandError */
async function toolsFrom(names: readonly string[], { demo }: ServeFlags): Promise<(AnyTool | string)[]> {
  const generic = names.filter((name) => name.startsWith(genericPrefix));
  const files = names.filter((name) => !name.startsWith(genericPrefix));
  const loaded = (await loadTools(files)).map(({ tool }) => tool);
  const replayed = demo ? [await (await import("./demo.ts")).demoTool()] : [];
  const tools = [...replayed, ...loaded, ...generic];
  if (tools.length > 0) return tools;
  throw new CommandError(
    "No tool is named. Name a tool file: steer serve triage.yaml; or see it work: steer serve --demo",
  );
}

async function playDemo(service: Service, url: string): Promise<void> {
  const { replay } = await import("./demo.ts");
  void replay(service, url);
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
