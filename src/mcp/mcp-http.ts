/**
 * Job: offer MCP servers over streamable HTTP: each request by itself to clients of 2026, in sessions to those of 2025.
 * Boundary: lets in whom it is told of. Who that is, and from where, is checked before.
 * Invariants:
 * 1. A session belongs to the caller that began it: to any other it is not there.
 * 2. Cancelling reaches the run for both generations. Without sessions, a cancellation of 2025 would name a request that
 *    another server has.
 * 3. Sessions do not pile up: of one caller's, the one that was idle longest makes room, and its client begins anew.
 */

import type { Server, WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/server";
import type { McpCaller } from "./mcp-server.ts";
import { loadProtocol } from "./protocol.ts";

/** MCP over HTTP, as a fetch handler. */
export interface McpHttp {
  fetch(request: Request, caller: McpCaller): Promise<Response>;
  /** Ends every session and every call. */
  close(): Promise<void>;
}

/** Most sessions of one caller. */
const mostSessions = 100;
/** Longest body, in bytes. */
const longestBody = 8 * 1024 * 1024;

interface Session {
  readonly caller: string;
  readonly transport: WebStandardStreamableHTTPServerTransport;
}

/** @throws InvalidOptionsError without the protocol's package */
export async function createMcpHttp(servers: (caller: McpCaller) => Server): Promise<McpHttp> {
  const { createMcpHandler, isJsonContentType, isLegacyRequest, ...protocol } = await loadProtocol();
  // The order of a map is that of insertion: a session that is used goes to its end.
  const sessions = new Map<string, Session>();
  const bySelf = createMcpHandler(({ authInfo }) => servers(authInfo?.extra?.["caller"] as McpCaller), {
    legacy: "reject",
    maxRequestBodySize: longestBody,
  });

  async function inSession(request: Request, caller: McpCaller): Promise<Response> {
    const id = request.headers.get("mcp-session-id");
    if (id === null) return begin(request, caller);
    const session = sessions.get(id);
    if (!session || session.caller !== caller.name) return notFound();
    sessions.delete(id);
    sessions.set(id, session);
    return session.transport.handleRequest(request);
  }

  async function begin(request: Request, caller: McpCaller): Promise<Response> {
    const transport = new protocol.WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => crypto.randomUUID(),
      maxRequestBodySize: longestBody,
      onsessioninitialized(id) {
        sessions.set(id, { caller: caller.name, transport });
        const own = [...sessions.values()].filter((session) => session.caller === caller.name);
        if (own.length > mostSessions) void own[0]?.transport.close();
      },
    });
    const server = servers(caller);
    server.onclose = () => void (transport.sessionId !== undefined && sessions.delete(transport.sessionId));
    await server.connect(transport);
    const response = await transport.handleRequest(request);
    // Nothing but `initialize` begins a session.
    if (transport.sessionId === undefined) await transport.close();
    return response;
  }

  return {
    async fetch(request, caller) {
      if (request.method === "POST" && !isJsonContentType(request.headers.get("content-type")))
        return refusal(415, "Unsupported media type: send content-type: application/json.");
      const isLegacy = await isLegacyRequest(request, undefined, { maxRequestBodySize: longestBody });
      if (isLegacy) return inSession(request, caller);
      return bySelf.fetch(request, { authInfo: { token: "", clientId: caller.name, scopes: [], extra: { caller } } });
    },
    async close() {
      const open = [...sessions.values()].map(({ transport }) => transport.close());
      await Promise.all([...open, bySelf.close()]);
    },
  };
}

/** Clients begin a new session on this. */
function notFound(): Response {
  return refusal(404, "Session not found");
}

function refusal(status: number, message: string): Response {
  return Response.json({ jsonrpc: "2.0", error: { code: -32_000, message }, id: null }, { status });
}
