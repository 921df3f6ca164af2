import { Writable } from "node:stream";
import { packageVersion } from "../../core/package-root.ts";
import { createServers } from "../../mcp/mcp-server.ts";
import { loadStdio } from "../../mcp/protocol.ts";
import { loadTools } from "../definition/load-tool.ts";
import { showLines } from "../progress/format.ts";
import { createRuns } from "./run-calls.ts";

/** Flags of `steer mcp`. */
export interface McpFlags {
  readonly maxCostUsd?: number;
}

/**
 * Offers the tools in files on standard input and output, until the client closes them or the process is told to end.
 *
 * @throws CommandError for a file that is not a tool
 */
export async function serveMcp(files: readonly string[], flags: McpFlags): Promise<void> {
  // First of all: a module may print while it is loaded, and a line that is not the protocol's breaks the connection.
  const protocol = takeStandardOutput();
  const loaded = await loadTools(files);
  const { serveStdio, StdioServerTransport } = await loadStdio();
  const tools = loaded.map(({ tool }) => tool);
  const servers = await createServers(tools, { version: packageVersion(), run: createRuns(loaded, flags.maxCostUsd) });
  const transport = new StdioServerTransport(process.stdin, protocol);
  const connection = serveStdio(() => servers({ name: "" }), {
    transport,
    onerror: (error) => process.stderr.write(`${showLines(error.message)}\n`),
  });
  const end = () => void connection.close();
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, end);
}

/** Keeps standard output for the protocol: what anything else writes there goes to standard error. */
function takeStandardOutput(): Writable {
  const write = process.stdout.write.bind(process.stdout) as typeof process.stdout.write;
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
  return new Writable({ write: (chunk, _encoding, done) => void write(chunk, done) });
}
