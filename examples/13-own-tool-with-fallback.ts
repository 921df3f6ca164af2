/**
 * A tool of your own with a fallback: a lookup over HTTP, and a table that takes over when the service is down. The
 * service is a real server on this machine: it answers, then fails twice, then fails for good.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { defineTool, ReliableOrchestrator } from "steer-llm-sdk";
import { z } from "zod";

const statuses = [200, 503, 503, 200, 503, 503, 503];
const service = createServer((_request, response) => {
  response.statusCode = statuses.shift() ?? 503;
  response.end(JSON.stringify({ country: "Austria", from: "service" }));
});
await new Promise<void>((resolve) => service.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;

const input = z.object({ city: z.string() });

const lookup = defineTool({
  name: "lookup",
  input, // checks the request before anything runs, and types it
  async execute({ city }, _options, { signal }) {
    const response = await fetch(`${address}/cities/${city}`, { signal });
    // Status and headers say what may be tried again, and when.
    if (!response.ok) {
      const { status, headers } = response;
      throw Object.assign(new Error("The service failed"), { status, headers });
    }
    return (await response.json()) as { country: string; from: string };
  },
});

const table = new Map([["Vienna", "Austria"]]);
const lookupInTable = defineTool({
  name: "lookup_in_table",
  input,
  execute({ city }) {
    const country = table.get(city);
    if (country === undefined) throw new Error(`The table has no ${city}.`);
    return { country, from: "table" };
  },
});

const orchestrator = new ReliableOrchestrator({
  reliabilityConfig: { maxRetries: 2, initialDelayMs: 20, jitter: false },
});

for (const city of ["Vienna", "Vienna", "Vienna", "Oslo"]) {
  const output = await orchestrator.run({
    tool: lookup,
    fallbackTools: [lookupInTable],
    request: { city },
    options: { timeoutMs: 10_000 },
    onEvent(event) {
      if (event.type === "retry_scheduled") console.log(`  again in ${event.delayMs} ms: ${event.error.message}`);
      if (event.type === "fallback_started") console.log(`  ${event.from} failed, ${event.to} takes over`);
    },
  });
  if (output.status === "failed") console.log(`${city}: failed, ${JSON.stringify(Object.keys(output.errors))}`);
  else console.log(`${city}: ${output.content.country}, from the ${output.content.from}`);
}

service.closeAllConnections();
service.close();
