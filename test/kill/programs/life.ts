import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { z } from "zod";
import { type OrchestrationEvent, PromptBundleTool, ReliableOrchestrator } from "../../../src/index.ts";
import { callerHeader } from "../../support/counting-provider.ts";
import { openAt, type Place, starter, task } from "../../support/place.ts";
import { createPass, type Death } from "../death.ts";
import type { Ending } from "../kill-and-resume.ts";
import { mortalModel } from "../mortal-model.ts";
import { mortalStore } from "../mortal-store.ts";
import { watchStandstill } from "../standstill.ts";

/** What a process does with its life. */
export interface Life {
  readonly place: Place;
  /** Where the provider is, and as whom to call it. */
  readonly baseURL: string;
  readonly caller: string;
  /** One run a key, all at once. */
  readonly keys: readonly string[];
  readonly leaseMs: number;
  readonly answers: number;
  readonly death?: Death | undefined;
}

/** Runs its keys and reports how each ended, if it lives that long. */
const { place, baseURL, caller, keys, leaseMs, answers, death } = task<Life>();
const pass = createPass(death);
const store = mortalStore(openAt(place), keys, pass);
const provider = createOpenAICompatible({ name: "counting", baseURL, headers: { [callerHeader]: caller } });
const tool = new PromptBundleTool({
  name: "triage",
  model: mortalModel(provider("counted"), pass),
  prompt: "{{key}}",
  schema: z.object({ key: z.string(), seed: z.int() }),
  defaultOptions: { k: answers, stopping: "none", maxParallel: 2 },
});
const orchestrator = new ReliableOrchestrator({ store, reliabilityConfig: { leaseMs } });

async function run(key: string): Promise<void> {
  const startedAtMs = performance.now();
  const options = { idempotencyKey: key, streaming: death?.point === "mid-stream" };
  let hasWaited = false;
  let claimed: Ending["claimed"];
  const passed: string[] = [];
  const onEvent = (event: OrchestrationEvent) => {
    const name = event.type === "warning" ? event.message : event.type;
    if (event.type === "tool_started")
      claimed ??= { afterMs: performance.now() - startedAtMs, stoodStillMs: stoodStillMs() };
    passed.push(`${Math.round(performance.now() - startedAtMs)} ms: ${name}`);
    if (event.type !== "warning" || event.code !== "store_unavailable") return;
    hasWaited = true;
    process.send?.("waits");
  };
  const output = await orchestrator.run({ tool, request: { key }, options, onEvent });
  const elapsedMs = performance.now() - startedAtMs;
  // What is not sent yet when the channel closes never is.
  await new Promise((sent) =>
    process.send?.({ key, output, elapsedMs, claimed, hasWaited, passed, stoodStillMs: stoodStillMs() }, sent),
  );
}

await starter();
const stoodStillMs = watchStandstill();
await Promise.all(keys.map(run));
await store.close();
process.disconnect();
