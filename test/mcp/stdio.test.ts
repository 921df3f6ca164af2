import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createFolder, startSteer, steer, toolFile } from "../cli/steer.ts";
import { startOpenAIServer } from "../support/openai-server.ts";
import { generations } from "./clients.ts";

const opening = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "test", version: "1" } },
};
const callTool = (id: number, name: string, args: object) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: args },
});
const lines = (...messages: object[]) => messages.map((message) => `${JSON.stringify(message)}\n`).join("");

describe("steer mcp", () => {
  test("ends, and cancels the provider's call, when its client closes standard input", async () => {
    await using server = await startOpenAIServer({ hang: true });
    const cwd = createFolder({ "triage.json": toolFile(`openai-compatible:${server.baseURL}#m`) });
    const { child, ended } = startSteer(["mcp", "triage.json"], { cwd });
    child.stdin?.write(lines(opening, callTool(2, "triage", { report: "x" })));
    const { over } = await server.nextCall();
    child.stdin?.end();
    expect(await over).toBe("aborted");
    const { code, stdout } = await ended;
    expect(code).toBe(0);
    expect(
      stdout
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line).id),
    ).toEqual([1]);
  });

  test("keeps --max-cost-usd over all calls, and refuses files outside its folder", async () => {
    await using server = await startOpenAIServer({ text: "yes" });
    const asking = { name: "ask", model: `openai-compatible:${server.baseURL}#m`, prompt: "{{question}}" };
    const prices = { m: { inputPerMillion: 1, outputPerMillion: 1_000 } };
    const options = { maxOutputTokens: 1_000, prices, defaultOptions: { k: 1 } };
    const cwd = createFolder({
      "ask.json": JSON.stringify({ ...asking, ...options }),
      "read.json": JSON.stringify({ ...asking, ...options, name: "read", prompt: "Read.", files: "{{file}}" }),
    });
    const { child, printed, ended } = startSteer(["mcp", "ask.json", "read.json", "--max-cost-usd", "1.005"], { cwd });
    child.stdin?.write(lines(opening, callTool(2, "ask", { question: "one" })));
    await printed('"id":2');
    child.stdin?.write(lines(callTool(3, "ask", { question: "two" })));
    await printed('"id":3');
    child.stdin?.write(lines(callTool(4, "read", { file: join("..", "secret.txt") })));
    await printed('"id":4');
    child.stdin?.end();
    const [, first, second, third] = (await ended).stdout.split("\n").map((line) => JSON.parse(line || "null")?.result);
    expect(first.structuredContent).toMatchObject({ consensus: "yes" });
    expect(second.isError).toBe(true);
    expect(second.content[0].text).toContain("the operator of the tool sets its budget");
    expect(third.content[0].text).toContain("outside the folder");
    expect(server.calls).toHaveLength(1);
  });

  test("with --http answers programs of this machine at /mcp, and no page of another site", async () => {
    const cwd = createFolder({ "triage.json": toolFile("simulated:?error=0") });
    const { child, ended } = startSteer(["mcp", "triage.json", "--http", "0"], { cwd });
    const told = await new Promise<string>((resolve) => child.stderr?.once("data", (text) => resolve(String(text))));
    const url = new URL(/http:\S+\/mcp/.exec(told)?.[0] ?? "");
    for (const [, connect] of generations) {
      const client = await connect({ url });
      const { structuredContent } = await client.call("triage", { report: "x" });
      expect(structuredContent.consensus).toMatchObject({ severity: expect.any(String) });
      await client.close();
    }
    expect((await fetch(url, { headers: { origin: "https://other.example" } })).status).toBe(403);
    expect((await fetch(new URL("/", url))).status).toBe(404);
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 0, stdout: "" });
  });

  test("names a file that is no tool on standard error, and writes nothing to standard output", async () => {
    const cwd = createFolder({ "none.ts": "export const x = 1;", "a.json": toolFile(), "b.json": toolFile() });
    expect(await steer(["mcp", "none.ts"], { cwd })).toMatchObject({
      code: 2,
      stdout: "",
      stderr: "none.ts exports no tool. Export a tool, or a list of them.\n",
    });
    const { code, stderr } = await steer(["mcp", "a.json", "b.json"], { cwd });
    expect([code, stderr]).toEqual([2, "a.json and b.json both have a tool called triage. Rename one.\n"]);
  });

  test.each([
    ["a model whose key is missing", "mistral:m", [], "Set the environment variable KEY_THAT_IS_NOT_SET."],
    [
      "--max-cost-usd and a model without a price",
      "openai-compatible:http://localhost:1/v1#m",
      ["--max-cost-usd", "1"],
      "--max-cost-usd needs a price for openai-compatible:localhost:1.chat:m",
    ],
  ])("refuses %s before any client calls", async (_, model, more, message) => {
    const cwd = createFolder({ "triage.json": toolFile(model, { apiKeyEnv: "KEY_THAT_IS_NOT_SET" }) });
    const env = { KEY_THAT_IS_NOT_SET: model.startsWith("mistral") ? "" : "key" };
    const { code, stdout, stderr } = await steer(["mcp", "triage.json", ...more], { cwd, env });
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
  });
});
