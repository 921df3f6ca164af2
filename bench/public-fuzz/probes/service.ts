import { MemoryEventLog } from "../../../src/events.ts";
import { defineTool, ReliableOrchestrator } from "../../../src/index.ts";
import { createService } from "../../../src/server.ts";
import { onTexts, onValues, type Probe, range } from "../probe.ts";

const echo = defineTool({ name: "echo", execute: async (request: unknown) => ({ request }) });

const serviceOf = () => {
  const events = new MemoryEventLog();
  const orchestrator = new ReliableOrchestrator({ calibrations: "off", events });
  return createService({ orchestrator, events, tools: [echo] });
};

async function post(path: string, body: string): Promise<string> {
  const headers = { "content-type": "application/json" };
  const request = new Request(`http://localhost${path}`, { method: "POST", headers, body });
  return (await serviceOf().fetch(request)).text();
}

/** A service, asked with hostile bodies and paths. */
export const serviceProbes: readonly Probe[] = [
  onTexts("createService", (text) => post("/v1/runs", text), "createService, a text as body"),
  onTexts(
    "createService",
    (text) =>
      post("/v1/chat/completions", JSON.stringify({ model: "echo", messages: [{ role: "user", content: text }] })),
    "createService, a text as message",
  ),
  onValues(
    "createService",
    (value) => post("/v1/runs", JSON.stringify({ toolName: "echo", request: value })),
    "createService, a value as request",
  ),
  onTexts(
    "createService",
    async (text) => {
      const path = encodeURIComponent(text.slice(0, 4_000).toWellFormed());
      const { fetch } = serviceOf();
      return Promise.all(
        range(2).map(
          async (at) => (await fetch(new Request(`http://localhost/v1/runs/${path}${at ? "/events" : ""}`))).status,
        ),
      );
    },
    "createService, a text as the id of a run",
  ),
];
