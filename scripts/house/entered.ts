/**
 * Prints how many files of src/ one way through the code enters: `keyed-run`, a keyed run of a prompt bundle from call to
 * output, or `retry`, from a provider's 429 to `retry_scheduled`. Counted by V8's coverage; what runs while modules load does not count.
 */
import { Session } from "node:inspector/promises";
import { z } from "zod";
import { PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { HttpFailure, scriptedModel } from "../../src/testing.ts";

const session = new Session();
session.connect();
await session.post("Profiler.enable");

const way = process.argv[2];
let fails = way === "retry";
let counted: Promise<Set<string>> | undefined;

const tool = new PromptBundleTool({
  name: "triage",
  model: scriptedModel(async () => {
    if (!fails) return { text: '{"severity":"high"}' };
    fails = false;
    await start();
    throw new HttpFailure(429);
  }),
  prompt: "{{report}}",
  schema: z.object({ severity: z.enum(["low", "high"]) }),
  defaultOptions: { k: way === "retry" ? 1 : 3 },
});
const orchestrator = () =>
  new ReliableOrchestrator({ store: new MemoryStore(), reliabilityConfig: { initialDelayMs: 1 } });
const run = (idempotencyKey: string) =>
  orchestrator().run({
    tool,
    request: { report: "It crashes." },
    options: { idempotencyKey, budget: { tokens: 10_000 } },
    onEvent: (event) => {
      if (event.type === "retry_scheduled") counted ??= enteredFiles();
    },
  });

if (way === "retry") {
  await run("a");
  console.log((await counted)?.size);
} else {
  await run("warm-up: what is loaded on first use is there");
  await start();
  await run("b");
  console.log((await enteredFiles()).size);
}

async function start(): Promise<void> {
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
}

async function enteredFiles(): Promise<Set<string>> {
  const { result } = await session.post("Profiler.takePreciseCoverage");
  const entered = result.filter(
    ({ url, functions }) =>
      url.includes("/src/") &&
      !url.includes("/node_modules/") &&
      functions.some(({ functionName, ranges }) => functionName !== "" && (ranges[0]?.count ?? 0) > 0),
  );
  return new Set(entered.map(({ url }) => url));
}
