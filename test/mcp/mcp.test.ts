import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import type { StandardSchemaV1 } from "@standard-schema/spec";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { loadTools } from "../../src/cli/definition/load-tool.ts";
import { createRuns } from "../../src/cli/mcp/run-calls.ts";
import { PromptBundleTool } from "../../src/index.ts";
import { createMcpHttp, type McpHttp } from "../../src/mcp/mcp-http.ts";
import { createServers } from "../../src/mcp/mcp-server.ts";
import { describeTool } from "../../src/orchestrate/agent/describe-tool.ts";
import { type OpenAIServer, startOpenAIServer } from "../support/openai-server.ts";
import { type AnyClient, generations } from "./clients.ts";

const main = join(import.meta.dirname, "../../src/cli/main.ts");
const key = "sk-secret-of-this-test-0123456789";
const schema = {
  type: "object",
  properties: { severity: { $ref: "#/definitions/severity" } },
  required: ["severity"],
  definitions: { severity: { enum: ["low", "high"] } },
};

/** Compiled once for every process of the tests. */
const cache = { NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? "" };

const folder = mkdtempSync(join(tmpdir(), "steer-mcp-"));
const answering = startOpenAIServer({ text: '{"severity":"high"}' });
const hanging = startOpenAIServer({ hang: true });
const refusing = startOpenAIServer({ status: 401, error: { message: `Incorrect API key: ${key}` } });

let http: McpHttp;
let server: Server;
let url: URL;

function files(): string[] {
  return ["triage.json", "hang.json", "refused.json", "tools.ts"].map((name) => join(folder, name));
}

beforeAll(async () => {
  const definition = (name: string, { baseURL }: OpenAIServer, k = 3) =>
    JSON.stringify({
      name,
      description: "Triages a report.",
      model: `openai-compatible:${baseURL}#m`,
      apiKeyEnv: "MCP_TEST_API_KEY",
      prompt: "Report: {{report}}",
      schema,
      defaultOptions: { k },
    });
  writeFileSync(join(folder, "triage.json"), definition("triage", await answering));
  writeFileSync(join(folder, "hang.json"), definition("hang", await hanging, 1));
  writeFileSync(join(folder, "refused.json"), definition("refused", await refusing));
  writeFileSync(
    join(folder, "tools.ts"),
    `console.log("printed while loading");
    const tool = (name: string, execute: Function) => ({ name, version: "1.0.0", description: "", execute });
    export const echo = tool("echo", async (request: object) => { console.log("printed by a tool"); return request; });
    export default [tool("add up", async ({ a, b }: { a: number; b: number }) => a + b)];`,
  );
  process.env["MCP_TEST_API_KEY"] = key;
  const loaded = await loadTools(files());
  const servers = await createServers(
    loaded.map(({ tool }) => tool),
    { version: "1.0.0", run: createRuns(loaded, undefined) },
  );
  http = await createMcpHttp(servers);
  server = createServer(getRequestListener((request) => http.fetch(request, { name: "" })));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`);
});

afterAll(async () => {
  await http.close();
  server.closeAllConnections();
  server.close();
  for (const one of [answering, hanging, refusing]) await (await one)[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(["stdio", "HTTP"] as const)("over %s", (transport) => {
  describe.each(generations)("to %s", (_name, connect) => {
    let client: AnyClient;

    beforeAll(async () => {
      const args = ["--disable-warning=ExperimentalWarning", main, "mcp", ...files()];
      const stdio = { command: process.execPath, args, cwd: folder, env: { ...cache, MCP_TEST_API_KEY: key } };
      client = await connect(transport === "HTTP" ? { url } : { stdio });
    });
    afterAll(() => client.close());

    test("offers every tool of files and modules, with the schemas of its arguments and its answer", async () => {
      const { tools } = await client.listTools();
      expect(tools.map(({ name }) => name)).toEqual(["triage", "hang", "refused", "add_up", "echo"]);
      const [triage] = tools;
      expect(triage.description).toMatch(/^Triages a report\.\n.* consensus of up to 3 answers/);
      expect(triage.inputSchema).toEqual({
        type: "object",
        properties: { report: { type: "string" } },
        required: ["report"],
      });
      expect(Object.keys(triage.outputSchema.properties)).toContain("consensus");
    });

    test("answers with the consensus as structured content that the client checks, in few bytes", async () => {
      await client.listTools();
      const told: any[] = [];
      const result = await client.call("triage", { report: "It crashes" }, { onprogress: (one) => told.push(one) });
      expect(result.structuredContent).toMatchObject({
        consensus: { severity: "high" },
        disagreements: [],
        votes: expect.any(Number),
      });
      expect(result.structuredContent.confidence).toBeGreaterThan(0.5);
      expect(JSON.parse(result.content[0].text)).toEqual(result.structuredContent);
      expect(result.content[0].text.length).toBeLessThan(200);
      expect(told[0]).toMatchObject({ progress: 1, total: 3, message: "answer 1" });
      expect(client.faults).toEqual([]);
    });

    test("gives what a plain tool returns, and keeps its prints out of the protocol", async () => {
      expect((await client.call("echo", { a: [1, null] })).structuredContent).toEqual({ result: { a: [1, null] } });
      expect((await client.call("add_up", { a: 1, b: 2 })).structuredContent).toEqual({ result: 3 });
      expect(client.faults).toEqual([]);
    });

    test("cancels the provider's call when the client cancels", async () => {
      const stop = new AbortController();
      const result = client.call("hang", { report: "x" }, { signal: stop.signal }).catch((error) => error);
      const { over } = await (await hanging).nextCall();
      stop.abort(new Error("the user pressed stop"));
      expect(await over).toBe("aborted");
      expect(await result).toBeInstanceOf(Error);
    });

    test("tells what the agent can do about arguments and failures, without the key", async () => {
      const unusable = await client.call("triage", {});
      expect(unusable.isError).toBe(true);
      expect(unusable.content[0].text).toContain("{{report}}");
      const failed = await client.call("refused", { report: "x" });
      expect(failed.isError).toBe(true);
      expect(failed.content[0].text).toMatch(/refused failed: .*\nOnly the operator of the tool can mend this/s);
      expect(JSON.stringify(failed)).not.toContain(key);
      await expect(client.call("nothing", {})).rejects.toThrow("No tool is called nothing");
    });
  });
});

describe("the arguments of a tool", () => {
  const typeOf = async (input: StandardSchemaV1<any, any>) => {
    const tool = new PromptBundleTool({ name: "asks", model: "simulated:", input, prompt: () => "?" });
    return (await describeTool(tool)).inputSchema as any;
  };

  test("have a type wherever an agent writes a value, also where the tool takes anything and says what it is for", async () => {
    const { properties } = await typeOf(
      z.object({
        note: z.any().describe("A note"),
        tags: z.array(z.any()),
        place: z.object({ at: z.unknown() }),
        n: z.int(),
      }),
    );
    expect(properties).toMatchObject({
      note: { type: "string", description: "A note" },
      tags: { type: "array", items: { type: "string" } },
      place: { properties: { at: { type: "string" } } },
      n: { type: "integer" },
    });
  });

  test("have a type where the request is no object", async () => {
    const { properties } = await typeOf(z.array(z.any()));
    expect(properties.input).toMatchObject({ type: "array", items: { type: "string" } });
    expect((await typeOf(z.union([z.string(), z.number()]))).properties.input.type).toEqual(["string", "number"]);
  });
});

describe("over HTTP", () => {
  const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  const body = (message: object) => JSON.stringify({ jsonrpc: "2.0", ...message });
  const clientInfo = { name: "test", version: "1.0.0" };
  const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
  const opening = () => ({ method: "POST", headers, body: body({ id: 1, method: "initialize", params }) });
  const begin = async () => {
    const response = await fetch(url, opening());
    await response.text();
    return response.headers.get("mcp-session-id") ?? "";
  };

  test("sends an agent with what only the operator can mend to its user, and blames no argument", async () => {
    const model = "openai-compatible:http://localhost:1/v1#m";
    const tool = new PromptBundleTool({ name: "keyless", model, apiKeyEnv: "KEY_THAT_IS_NOT_SET", prompt: "?" });
    const run = createRuns([{ tool }], undefined);
    const other = await createMcpHttp(await createServers([tool], { version: "1.0.0", run }));
    const opened = await other.fetch(new Request(url, opening()), { name: "" });
    const session = { ...headers, "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" };
    const call = body({ id: 2, method: "tools/call", params: { name: "keyless", arguments: {} } });
    const answered = await other.fetch(new Request(url, { method: "POST", headers: session, body: call }), {
      name: "",
    });
    const text = await answered.text();
    expect(text).toContain("tell the user");
    expect(text).not.toContain("arguments cannot be used");
    await other.close();
  });

  test("keeps a session from callers that did not begin it", async () => {
    const session = await begin();
    const ask = () =>
      new Request(url, {
        method: "POST",
        headers: { ...headers, "mcp-session-id": session },
        body: body({ id: 2, method: "tools/list" }),
      });
    expect((await http.fetch(ask(), { name: "" })).status).toBe(200);
    expect((await http.fetch(ask(), { name: "another key" })).status).toBe(404);
  });

  test("cancels the provider's call when a client of 2025 hangs up: no answer could reach it", async () => {
    const stop = new AbortController();
    const call = body({ id: 2, method: "tools/call", params: { name: "hang", arguments: { report: "x" } } });
    const asked = { ...headers, "mcp-session-id": await begin() };
    await fetch(url, { method: "POST", headers: asked, body: call, signal: stop.signal });
    const { over } = await (await hanging).nextCall();
    stop.abort();
    expect(await over).toBe("aborted");
  });

  test("lets the session that was idle longest make room for new ones", async () => {
    const first = await begin();
    for (let index = 0; index < 100; index++) await begin();
    const asked = { ...headers, "mcp-session-id": first };
    const response = await fetch(url, { method: "POST", headers: asked, body: body({ id: 2, method: "ping" }) });
    expect(response.status).toBe(404);
  });

  test.each([
    ["415", "a form", { "content-type": "text/plain" }, "{}"],
    ["400", "a call without a session", {}, body({ id: 1, method: "tools/list" })],
    ["413", "a body of 9 MB", {}, `{"x":"${"x".repeat(9 * 1024 * 1024)}"}`],
  ])("answers %s to %s", async (status, _what, changed, text) => {
    const response = await fetch(url, { method: "POST", headers: { ...headers, ...changed }, body: text });
    expect(String(response.status)).toBe(status);
  });
});
