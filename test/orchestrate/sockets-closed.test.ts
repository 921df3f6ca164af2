import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { defineTool, Orchestrator, PromptBundleTool } from "../../src/index.ts";

let server: Server | undefined;
afterEach(() => server?.close());

/** A server that answers its first request as providers do, and leaves all others without an answer. */
async function slowServer() {
  const seen = { requests: 0 };
  const { promise: closed, resolve: close } = Promise.withResolvers<string>();
  const { promise: second, resolve } = Promise.withResolvers<void>();
  server = createServer((request, response) => {
    seen.requests++;
    if (seen.requests === 1) {
      response.setHeader("content-type", "application/json");
      const message = { role: "assistant", content: "yes" };
      const usage = { prompt_tokens: 150, completion_tokens: 50, total_tokens: 200 };
      response.end(
        JSON.stringify({
          id: "1",
          model: "m",
          created: 0,
          choices: [{ index: 0, message, finish_reason: "stop" }],
          usage,
        }),
      );
      return;
    }
    request.socket.once("close", () => close("closed"));
    resolve();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { seen, second, closed, model: `openai-compatible:http://127.0.0.1:${port}/v1#m` };
}

test.each(["context", "run"])(
  "an attempt that ends closes the sockets of what it has started by its %s",
  async (by) => {
    const { seen, second, closed, model } = await slowServer();
    const orchestrator = new Orchestrator();
    const inner = new PromptBundleTool({
      name: "inner",
      model,
      prompt: "{{q}}",
      maxOutputTokens: 50,
      defaultOptions: { k: 7, stopping: "none", maxParallel: 1 },
    });
    const outer = defineTool({
      name: "outer",
      execute: (_request: object, _options, context) =>
        Promise.all([
          by === "run"
            ? orchestrator.run({ tool: inner, request: { q: "?" } })
            : inner.execute({ q: "?" }, {}, context),
          second.then(() => Promise.reject(new Error("sibling"))),
        ]),
    });
    const output = await orchestrator.run({ tool: outer, request: {} });
    expect(output).toMatchObject({ status: "failed", usage: { requests: 2 } });
    expect(output.usage.totalTokens).toBeGreaterThan(200);
    expect(await closed).toBe("closed");
    expect(seen).toEqual({ requests: 2 });
  },
);
