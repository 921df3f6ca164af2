/**
 * A service: runs over HTTP, their events, and chat completions whose answer is a consensus. Requests go to its handler as a
 * server would hand them on. The model is a simulation (an error rate of 20 %), which is not a language model.
 */
import { PromptBundleTool, ReliableOrchestrator } from "steer-llm-sdk";
import { MemoryEventLog } from "steer-llm-sdk/events";
import { createService } from "steer-llm-sdk/server";

const model = process.env["STEER_MODEL"] ?? "simulated:?error=0.2&truth=billing";
const prompt = "Which team owns this report: editor, billing or login? Answer with one word.\n{{report}}";
const triage = new PromptBundleTool({ name: "triage", model, prompt, defaultOptions: { k: 5 } });

const events = new MemoryEventLog();
const orchestrator = new ReliableOrchestrator({ events });
const key = "a-key-of-16-characters-or-more";
const service = createService({
  orchestrator,
  events,
  tools: [triage, `consensus:${model}`],
  keys: [{ name: "web", key, tools: ["triage"] }],
});

/** In a program of its own: `export default { fetch: service.fetch }`, or `app.mount("/", service.fetch)` in Hono. */
async function send(method: string, path: string, body?: object, more: Record<string, string> = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json", ...more };
  const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
  return service.fetch(new Request(`http://localhost${path}`, init));
}

const request = { report: "The invoice of March is wrong." };

const started = await send("POST", "/v1/runs", { toolName: "triage", request }, { prefer: "respond-async" });
const location = started.headers.get("location") as string;
console.log(`POST /v1/runs: ${started.status}, at ${location.replace(/[0-9a-f-]{36}$/, "…")}`);

const followed = await (await send("GET", `${location}/events`)).text();
console.log(
  `GET …/events: ${followed.match(/^event: replicate_done$/gm)?.length} answers, then ${followed.match(/run_completed/)?.[0]}`,
);

const { runs } = (await (await send("GET", "/v1/runs?status=completed")).json()) as any;
console.log(`GET /v1/runs: ${runs.length} run of ${runs[0].toolName}, ${runs[0].status}`);

const messages = [{ role: "user", content: request.report }];
const chat = (await (await send("POST", "/v1/chat/completions", { model: "triage", messages })).json()) as any;
console.log(
  `POST /v1/chat/completions: ${chat.choices[0].message.content}, ${chat.steer.evidenceBundle.meta.kCompleted} answers`,
);

for (const [what, refused] of [
  ["An unknown option", await send("POST", "/v1/runs", { toolName: "triage", request, toolOptions: { kk: 3 } })],
  ["A tool that the key may not use", await send("POST", "/v1/runs", { toolName: `consensus:${model}`, request })],
  ["A request without its key", await send("GET", "/v1/runs", undefined, { authorization: "" })],
] as const) {
  const { status, code, detail } = (await refused.json()) as any;
  console.log(`${what}: ${status} ${code}. ${detail}`);
}
await service.close(1_000);
