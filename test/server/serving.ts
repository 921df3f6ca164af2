import type { AnyTool } from "../../src/contract/tool.ts";
import { MemoryEventLog } from "../../src/events.ts";
import { defineTool, PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";
import type { ReliableOrchestratorSettings } from "../../src/orchestrate/reliable-orchestrator.ts";
import { createService, type ServiceSettings } from "../../src/server.ts";

/** Gives a text: no model is asked. */
const echo = new PromptBundleTool({
  name: "echo",
  model: "simulated:?error=0",
  prompt: "{{text}}",
  defaultOptions: { k: 3 },
});

/** A tool that waits until its run is ended, and the signal of its call. */
export function waitingTool() {
  const started = Promise.withResolvers<AbortSignal>();
  const tool = defineTool({
    name: "waits",
    execute: (_request: unknown, _options, { signal, reportUsage }) => {
      reportUsage({ inputTokens: 1, outputTokens: 1, totalTokens: 2 }, 0.5);
      started.resolve(signal);
      return new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  });
  return { tool, started: started.promise };
}

type Given = Partial<Omit<ServiceSettings, "tools">> & {
  readonly tools?: readonly (AnyTool | string)[];
  readonly orchestration?: ReliableOrchestratorSettings;
};

/** A service in this process, and a client of it. */
export function serving({ tools = [echo], orchestration, ...settings }: Given = {}) {
  const events = settings.events ?? new MemoryEventLog();
  const orchestrator =
    settings.orchestrator ?? new ReliableOrchestrator({ calibrations: "off", events, ...orchestration });
  const service = createService({ ...settings, orchestrator, events, tools });
  return { service, events, orchestrator, ...clientOf(service.fetch) };
}

export interface Asked {
  readonly headers?: Record<string, string>;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly body?: string | ReadableStream;
  readonly signal?: AbortSignal;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, where it is JSON. */
  readonly json: any;
}

/** Asks a service as a program on this machine does. */
function clientOf(fetch: (request: Request) => Promise<Response>, origin = "http://localhost:4242") {
  const send = (method: string, path: string, { headers = {}, json, body, signal }: Asked = {}): Promise<Response> => {
    const sent = json === undefined ? body : JSON.stringify(json);
    const type: Record<string, string> = json === undefined ? {} : { "content-type": "application/json" };
    const init = { method, headers: { ...type, ...headers }, ...(signal && { signal }) };
    return fetch(new Request(origin + path, sent === undefined ? init : { ...init, body: sent, duplex: "half" }));
  };
  const ask = async (method: string, path: string, asked?: Asked): Promise<Answered> => {
    const response = await send(method, path, asked);
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    const { status, headers } = response;
    return { status, headers, text, json: isJson ? JSON.parse(text) : undefined };
  };
  return { send, ask };
}

/** An event as it was sent. */
export interface SentEvent {
  readonly id: number;
  readonly event: string;
  readonly data: any;
}

/** Reads server-sent events. */
export function eventsIn(text: string): SentEvent[] {
  return text
    .split("\n\n")
    .filter((block) => block !== "" && !block.startsWith(":"))
    .map((block) => {
      const lines = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s) as [string, string]));
      return { id: Number(lines["id"]), event: lines["event"] ?? "", data: JSON.parse(lines["data"] ?? "null") };
    });
}
