/**
 * 400 requests to a server that takes 20 calls in any second and refuses the rest with a bare 429. The server is a
 * script, on a clock that runs as fast as it can.
 */
import { defineTool, ReliableOrchestrator } from "steer-llm-sdk";
import { type RateLimits, ReliabilityState } from "steer-llm-sdk/reliability";
import { createFakeClock } from "steer-llm-sdk/testing";

async function runJob(name: string, limits?: RateLimits): Promise<void> {
  const clock = createFakeClock();
  const taken: number[] = [];
  let refused = 0;
  const translate = defineTool({
    name: "translate",
    provider: "acme",
    async execute({ text }: { text: string }) {
      const sinceMs = clock.now() - 1_000;
      if (taken.filter((atMs) => atMs > sinceMs).length >= 20) {
        refused++;
        throw Object.assign(new Error("Too many requests"), { status: 429 });
      }
      taken.push(clock.now());
      await clock.sleep(300);
      return text.toUpperCase();
    },
  });
  const orchestrator = new ReliableOrchestrator({ clock, state: new ReliabilityState({ clock }), limits });
  const requests = Array.from({ length: 400 }, (_, index) => ({ text: `report ${index}` }));
  const job = (async () => {
    let answers = 0;
    for await (const done of orchestrator.runMany({ tool: translate, requests, concurrency: 50 }))
      if (!("error" in done) && done.output.status === "completed") answers++;
    const seconds = (clock.now() / 1_000).toFixed(1);
    console.log(`${name}: ${answers} answers in ${seconds} s, ${refused} calls refused`);
  })();
  await clock.runAll();
  await job;
}

await runJob("no limits given    ");
await runJob("1,200 rpm for acme ", { acme: { requestsPerMinute: 1_200 } });
