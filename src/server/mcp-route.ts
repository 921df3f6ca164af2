import type { Hono } from "hono";
import { lazily } from "../core/lazily.ts";
import { packageVersion } from "../core/package-root.ts";
import type { ToolCall } from "../mcp/mcp-server.ts";
import { streamRun } from "../store/log/stream-run.ts";
import type { ServiceEnv, ServiceParts } from "./service.ts";

/** Adds MCP over streamable HTTP: calls are runs of the service, under its limits, and stand in its event log. */
export function addMcpRoute(app: Hono<ServiceEnv>, { tools, runs, events, clock, closed }: ServiceParts): void {
  const open = lazily(async () => {
    const { createServers } = await import("../mcp/mcp-server.ts");
    const { createMcpHttp } = await import("../mcp/mcp-http.ts");
    const http = await createMcpHttp(
      await createServers(tools.named(), {
        version: packageVersion(),
        run: async (tool, request, { caller, signal, onEvent }) => {
          const { runId, output } = await runs.start({ tool, request }, caller, signal);
          const [ended] = await Promise.all([output, follow(runId, onEvent)]);
          return ended;
        },
      }),
    );
    closed.addEventListener("abort", () => void http.close(), { once: true });
    return http;
  });

  app.all("/mcp", async (c) => (await open()).fetch(c.req.raw, c.var.caller));

  async function follow(runId: string, onEvent: ToolCall["onEvent"]): Promise<void> {
    try {
      for await (const event of streamRun(events, runId, { signal: closed, clock })) onEvent(event);
    } catch {
      // Progress that cannot be told ends no call.
    }
  }
}
