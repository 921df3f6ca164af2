/**
 * A job over 200 requests whose provider is away for ten minutes. The provider is a script, on a clock that runs as fast
 * as it can.
 */
import { defineTool, JobStoppedError, ReliableOrchestrator } from "steer-llm-sdk";
import { createFakeClock } from "steer-llm-sdk/testing";

const minute = 60_000;
const clock = createFakeClock();
let calls = 0;
let refused = 0;
const translate = defineTool({
  name: "translate",
  provider: "acme",
  async execute({ text }: { text: string }) {
    calls++;
    await clock.sleep(1_000);
    const isAway = clock.now() > 5_000 && clock.now() < 10 * minute;
    if (!isAway) return text.toUpperCase();
    refused++;
    throw Object.assign(new Error("Service unavailable"), { status: 503 });
  },
});

const say = (message: string) => console.log(`${(clock.now() / minute).toFixed(1)} min  ${message}`);
const quiet = () => {};
const logger = {
  debug: quiet,
  error: quiet,
  info: (_data: object, message: string) => message === "the job goes on" && say(message),
  warn: (data: { why?: string }, message: string) => data.why !== undefined && say(message),
};

// Without jitter, so that it prints the same at each start.
const orchestrator = new ReliableOrchestrator({ clock, logger, reliabilityConfig: { jitter: false } });

async function runJob(requests: Iterable<{ text: string }>): Promise<void> {
  const answers: string[] = [];
  try {
    for await (const done of orchestrator.runMany({ tool: translate, requests }))
      if (!("error" in done) && done.output.status === "completed") answers.push(done.output.content);
  } catch (error) {
    if (!JobStoppedError.isInstance(error)) throw error;
    say(`${error.reason}: ${error.unsent} requests were never sent`);
  }
  say(`${answers.length} answers, ${calls} calls, ${refused} of them refused`);
}

const job = runJob(Array.from({ length: 200 }, (_, index) => ({ text: `report ${index}` })));
await clock.runAll();
await job;
