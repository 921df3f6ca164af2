import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client as OlderClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as OlderStdio } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as OlderHttp } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

/** Command of a server on standard input and output. */
export interface Command {
  readonly command: string;
  readonly args: string[];
  readonly cwd: string;
  readonly env: Record<string, string>;
}

/** What tests ask of a client, whatever its generation. */
export interface AnyClient {
  listTools(): Promise<{ tools: any[] }>;
  call(name: string, args: object, options?: { signal?: AbortSignal; onprogress?: (p: any) => void }): Promise<any>;
  close(): Promise<void>;
  /** Faults of the connection, such as lines that are not the protocol's. */
  readonly faults: Error[];
}

type Target = { readonly stdio: Command } | { readonly url: URL; readonly headers?: Record<string, string> };

const self = { name: "test", version: "1.0.0" };

/** The official clients: of the protocol of 2026, the same package as it speaks to servers of 2025, and its forerunner. */
export const generations: readonly [name: string, connect: (target: Target) => Promise<AnyClient>][] = [
  ["client 2.x, 2026-07-28", (target) => connectNewer(target, "auto")],
  ["client 2.x, 2025-11-25", (target) => connectNewer(target, "legacy")],
  ["sdk 1.x", connectOlder],
];

async function connectNewer(target: Target, mode: "auto" | "legacy"): Promise<AnyClient> {
  const client = new Client(self, { versionNegotiation: { mode } });
  const faults: Error[] = [];
  client.onerror = (error) => faults.push(error);
  const { headers = {} } = "url" in target ? target : {};
  const transport =
    "url" in target
      ? new StreamableHTTPClientTransport(target.url, { requestInit: { headers } })
      : new StdioClientTransport({ ...target.stdio, stderr: "ignore" });
  await client.connect(transport);
  return {
    faults,
    listTools: () => client.listTools(),
    call: (name, args, options) => client.callTool({ name, arguments: { ...args } }, options),
    close: () => client.close(),
  };
}

async function connectOlder(target: Target): Promise<AnyClient> {
  const client = new OlderClient(self);
  const faults: Error[] = [];
  client.onerror = (error) => faults.push(error);
  const { headers = {} } = "url" in target ? target : {};
  const transport =
    "url" in target
      ? new OlderHttp(target.url, { requestInit: { headers } })
      : new OlderStdio({ ...target.stdio, stderr: "ignore" });
  await client.connect(transport as Parameters<typeof client.connect>[0]);
  return {
    faults,
    listTools: () => client.listTools(),
    call: (name, args, options) => client.callTool({ name, arguments: { ...args } }, undefined, options),
    close: () => client.close(),
  };
}
