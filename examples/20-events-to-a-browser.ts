/**
 * A run behind a URL, its events in the client as they come. The model is a simulation (an error rate of 2 %), which is not
 * a language model. Node's own server and `fetch` stand for any server and any browser.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { isOrchestratorError, PromptBundleTool, ReliableOrchestrator, toEventStreamResponse } from "steer-llm-sdk";
import { z } from "zod";

const triage = new PromptBundleTool({
  name: "triage",
  model: process.env["STEER_MODEL"] ?? "simulated:?error=0.02&latencyMs=20&truth=billing",
  input: z.object({ report: z.string() }),
  prompt: "Which team owns this report: editor, billing or login? Answer with one word.\n{{report}}",
  defaultOptions: { k: 5 },
});
const orchestrator = new ReliableOrchestrator();

/** A handler as Hono, Next, Bun, Deno and Workers take it. */
async function handle(request: Request): Promise<Response> {
  try {
    return await toEventStreamResponse(orchestrator.stream({ tool: triage, request: (await request.json()) as any }));
  } catch (error) {
    if (!isOrchestratorError(error)) throw error;
    const status = { INVALID_OPTIONS: 400, TOOL_NOT_FOUND: 404, CONFLICT: 409 }[error.code as string] ?? 500;
    return Response.json({ code: error.code, detail: error.message }, { status });
  }
}

// Node's own server speaks no Fetch: three lines between the two.
const server = createServer(async (request, response) => {
  const body = Readable.toWeb(request) as ReadableStream;
  const answer = await handle(
    new Request("http://localhost/", { method: "POST", body, duplex: "half" } as RequestInit),
  );
  response.writeHead(answer.status, Object.fromEntries(answer.headers));
  Readable.fromWeb(answer.body as any).pipe(response);
}).listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

const refused = await fetch(url, { method: "POST", body: JSON.stringify({ report: 17 }) });
console.log(`A request without a report: ${refused.status} ${((await refused.json()) as { code: string }).code}`);

const answer = await fetch(url, { method: "POST", body: JSON.stringify({ report: "The invoice of March is wrong." }) });
console.log(`A request with one: ${answer.status} ${answer.headers.get("content-type")}`);
for (const block of (await answer.text()).split("\n\n").filter((text) => text !== "")) {
  const event = JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? "{}");
  if (event.type === "replicate_done") console.log(`  ${event.type}: ${event.replicate.data}`);
  else if (event.type === "run_completed")
    console.log(`  ${event.type}: ${event.output.content.evidenceBundle.summary.consensus}`);
}
server.close();
