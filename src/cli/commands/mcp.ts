import type { Command } from "commander";
import { numberFlag, wholeNumberFlag } from "../flags.ts";
import type { McpFlags } from "../mcp/serve-mcp.ts";

const examples = `
Speaks the Model Context Protocol on standard input and output, as Claude Desktop, Cursor and VS Code start it, or with
--http at /mcp of a port, to programs of this machine. Every tool of the files becomes an MCP tool: its answer is the
consensus, its confidence, and where the answers differ. What modules print goes to standard error. steer serve offers
the same at its /mcp, with keys.

Examples
  $ steer mcp triage.yaml
  $ steer mcp tools.ts invoice.yaml --max-cost-usd 5
  $ steer mcp triage.yaml --http 4243
  $ claude mcp add steer -- npx -y -p steer-llm-sdk -p @modelcontextprotocol/server steer mcp /path/to/triage.yaml`;

export function addMcpCommand(program: Command): void {
  program
    .command("mcp")
    .summary("offer tools to agents over MCP")
    .description("Offer the tools in files to agents, over the Model Context Protocol.")
    .argument("<tool-files...>", "tools in JSON, YAML or TypeScript modules")
    .option("--http <port>", "listen at this port of 127.0.0.1 instead; 0 takes a free one", wholeNumberFlag(0))
    .option("--max-cost-usd <dollars>", "start no call that this does not cover", numberFlag(0))
    .addHelpText("after", examples)
    .action(async (files: readonly string[], flags: McpFlags) => {
      const { serveMcp } = await import("../mcp/serve-mcp.ts");
      await serveMcp(files, flags);
    });
}
