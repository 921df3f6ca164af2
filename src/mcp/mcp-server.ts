/**
 * Job: offer tools to MCP clients of both protocol generations.
 * Boundary: knows no transport; how a tool is run is told to it.
 * Invariants:
 * 1. Only a name that no tool has is a protocol error. All else that goes wrong is a tool error, which the agent reads.
 * 2. A call that its client cancels, or whose connection ends, aborts its run.
 */

import type {
  CallToolResult,
  Tool as McpTool,
  ProtocolError,
  Server,
  ServerContext,
} from "@modelcontextprotocol/server";
import type { OrchestrationEvent } from "../contract/event.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import type { AnyTool } from "../contract/tool.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import { adviseAgent, toAgentAnswer } from "../orchestrate/agent/agent-answer.ts";
import { describeTool, type ToolDescription } from "../orchestrate/agent/describe-tool.ts";
import { loadProtocol, type Protocol } from "./protocol.ts";

/** Runs a tool for a client. */
export type RunTool = (tool: AnyTool, request: unknown, call: ToolCall) => Promise<OrchestrationOutput>;

/** Facts of a call. */
export interface ToolCall {
  readonly caller: McpCaller;
  readonly signal: AbortSignal;
  onEvent(event: OrchestrationEvent): void;
}

/** Caller that was let in. */
export interface McpCaller {
  /** `""` where callers are not told apart. */
  readonly name: string;
  /** Names of the tools that it may use. Default: all. */
  readonly tools?: readonly string[] | undefined;
}

/**
 * Makes servers that offer these tools, one for each connection: to a caller those that it may use.
 *
 * @throws InvalidOptionsError for two tools of one name, a schema without a JSON form, and without the protocol's package
 */
export async function createServers(
  tools: readonly AnyTool[],
  { version, run }: { readonly version: string; readonly run: RunTool },
): Promise<(caller: McpCaller) => Server> {
  const protocol = await loadProtocol();
  const all = new Map<string, OfferedTool>();
  for (const tool of tools) {
    const name = tool.name.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 64);
    if (all.has(name)) throw nameTaken(name, tool);
    all.set(name, { tool, description: await describeTool(tool) });
  }
  return (caller) => {
    const offered = new Map([...all].filter(([, { tool }]) => caller.tools?.includes(tool.name) ?? true));
    const server = new protocol.Server({ name: "steer-llm-sdk", version }, { capabilities: { tools: {} } });
    const listed = [...offered].map(([name, { tool, description }]) => list(name, tool, description));
    server.setRequestHandler("tools/list", () => ({ tools: listed }));
    server.setRequestHandler("tools/call", ({ params }, context) => {
      const found = offered.get(params.name);
      if (!found) throw unknownTool(protocol, params.name, offered.keys());
      return answer(found, params.arguments ?? {}, context, { caller, run });
    });
    return server;
  };
}

interface OfferedTool {
  readonly tool: AnyTool;
  readonly description: ToolDescription;
}

function list(name: string, tool: AnyTool, { description, inputSchema, outputSchema }: ToolDescription): McpTool {
  return {
    name,
    ...(name !== tool.name && { title: tool.name }),
    description,
    inputSchema: inputSchema as McpTool["inputSchema"],
    outputSchema: outputSchema as NonNullable<McpTool["outputSchema"]>,
  };
}

async function answer(
  { tool, description }: OfferedTool,
  args: Record<string, unknown>,
  context: ServerContext,
  { caller, run }: { readonly caller: McpCaller; readonly run: RunTool },
): Promise<CallToolResult> {
  const { signal } = context.mcpReq;
  // A client of the older generation that closes its connection can never receive the answer.
  const left = context.http?.req?.signal;
  try {
    const output = await run(tool, description.toRequest(args), {
      caller,
      signal: left ? AbortSignal.any([signal, left]) : signal,
      onEvent: progressOf(context, description.k),
    });
    if (output.status === "failed") return failure(adviseAgent(output));
    const answered = toAgentAnswer(output);
    // Clients that know no structured content read the text.
    return { content: [{ type: "text", text: JSON.stringify(answered) }], structuredContent: { ...answered } };
  } catch (error) {
    return failure(adviseAgent(error));
  }
}

function failure(text: string): CallToolResult {
  return { content: [{ type: "text", text }], isError: true };
}

/** Tells the client, where it asks for that, of each answer and each wait. The protocol wants figures that grow. */
function progressOf({ mcpReq }: ServerContext, k = 0): (event: OrchestrationEvent) => void {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return () => {};
  let answers = 0;
  let waits = 0;
  const tell = (message: string) => {
    const progress = answers + 1 - 1 / (1 + waits);
    const params = { progressToken, progress, ...(progress <= k && { total: k }), message };
    mcpReq.notify({ method: "notifications/progress", params }).catch(() => {});
  };
  return (event) => {
    if (event.type === "replicate_done") {
      answers++;
      waits = 0;
      tell(`answer ${answers}${event.replicate.valid ? "" : ", which is not valid"}`);
    } else if (event.type === "retry_scheduled") {
      waits++;
      tell(`tries again in ${Math.ceil(event.delayMs / 1_000)} s: ${event.error.category ?? event.error.type}`);
    }
  };
}

function nameTaken(name: string, tool: AnyTool): InvalidOptionsError {
  const message = `Two tools are called ${name} to MCP clients. Give one of them another name.`;
  return new InvalidOptionsError([{ path: "tools", given: tool.name, allowed: "names that differ", message }]);
}

function unknownTool(
  { ProtocolError, ProtocolErrorCode }: Protocol,
  name: string,
  known: Iterable<string>,
): ProtocolError {
  const message = `No tool is called ${name}. Tools: ${[...known].join(", ")}`;
  return new ProtocolError(ProtocolErrorCode.InvalidParams, message);
}
