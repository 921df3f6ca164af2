import { Writable } from "node:stream";
import { messageOf } from "../../core/errors.ts";
import { packageVersion } from "../../core/package-root.ts";
import { createMcpHttp } from "../../mcp/mcp-http.ts";
import { createServers } from "../../mcp/mcp-server.ts";
import { loadStdio } from "../../mcp/protocol.ts";
import { authenticateBy } from "../../server/access.ts";
import { listen } from "../../server/listen.ts";
import { RequestFault, respondWithProblem } from "../../server/problem.ts";
import { findModels } from "../../tool/prompt/find-models.ts";
import { loadTools } from "../definition/load-tool.ts";
import { CommandError } from "../faults.ts";
import { showLines } from "../progress/format.ts";
import { createRuns } from "./run-calls.ts";

/** Flags of `steer mcp`. */
export interface McpFlags {
  readonly maxCostUsd?: number;
  /** Port of this machine's own address. */
  readonly http?: number;
}

/**
 * Offers the tools in files, until the client closes standard input or the process is told to end.
 *
 * @throws CommandError for a file that is not a tool, and an address that cannot be had; InvalidOptionsError for a model that cannot
 * be asked, and one without a price under `--max-cost-usd`
 */
export async function serveMcp(files: readonly string[], flags: McpFlags): Promise<void> {
  // First of all: a module may print while it is loaded, and a line that is not the protocol's breaks the connection.
  const protocol = takeStandardOutput();
  const loaded = await loadTools(files);
  const tools = loaded.map(({ tool }) => tool);
  await findModels(tools, flags.maxCostUsd === undefined ? undefined : "--max-cost-usd");
  const servers = await createServers(tools, { version: packageVersion(), run: createRuns(loaded, flags.maxCostUsd) });
  const end = await (flags.http === undefined ? onStdio(servers, protocol) : onHttp(servers, flags.http));
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void end());
}

type Servers = Awaited<ReturnType<typeof createServers>>;

async function onStdio(servers: Servers, protocol: Writable): Promise<() => Promise<void>> {
  const { serveStdio, StdioServerTransport } = await loadStdio();
  const transport = new StdioServerTransport(process.stdin, protocol);
  const onerror = (error: Error) => process.stderr.write(`${showLines(error.message)}\n`);
  const connection = serveStdio(() => servers({ name: "" }), { transport, onerror });
  return () => connection.close();
}

/** Answers programs of this machine alone: `steer serve` has keys for others. */
async function onHttp(servers: Servers, port: number): Promise<() => Promise<void>> {
  const http = await createMcpHttp(servers);
  const letIn = authenticateBy(undefined, []);
  const answer = async (request: Request): Promise<Response> => {
    try {
      const caller = await letIn(request);
      if (caller && new URL(request.url).pathname === "/mcp") return await http.fetch(request, caller);
      throw new RequestFault(404, "NOT_FOUND", "Nothing is here. The tools are at /mcp.");
    } catch (error) {
      return respondWithProblem(error);
    }
  };
  const listening = await listen(answer, { host: "127.0.0.1", port }).catch((error) => {
    throw new CommandError(`127.0.0.1:${port} cannot be listened at: ${messageOf(error)}. Choose another --http.`);
  });
  process.stderr.write(`The tools are at ${listening.url}/mcp.\n`);
  return async () => {
    await http.close();
    await listening.end();
  };
}

/** Keeps standard output for the protocol: what anything else writes there goes to standard error. */
function takeStandardOutput(): Writable {
  const write = process.stdout.write.bind(process.stdout) as typeof process.stdout.write;
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
  return new Writable({ write: (chunk, _encoding, done) => void write(chunk, done) });
}
