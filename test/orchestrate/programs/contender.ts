import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { z } from "zod";
import { ConflictError, type OrchestrationOutput, PromptBundleTool, ReliableOrchestrator } from "../../../src/index.ts";
import { callerHeader } from "../../support/counting-provider.ts";
import { openAt, type Place, task } from "../../support/place.ts";

export interface Contender {
  readonly place: Place;
  readonly baseURL: string;
  readonly name: string;
}

/** What the parent process asks for: so many runs of one key at once. */
export interface Contest {
  readonly idempotencyKey: string;
  readonly request: { readonly key: string };
  readonly runs: number;
}

/** How one of these runs ended, and of what. */
export type Result = { readonly payload: string; readonly ending: Ending };
export type Ending =
  | { readonly output: OrchestrationOutput }
  | { readonly conflict: ConflictError["reason"] }
  | { readonly error: string };

/** Starts the runs that its parent asks for, and says how each one ended, until the parent lets go. */
const { place, baseURL, name } = task<Contender>();
const store = openAt(place);
const tool = new PromptBundleTool({
  name: "triage",
  model: createOpenAICompatible({ name: "counting", baseURL, headers: { [callerHeader]: name } })("counted"),
  prompt: "{{key}}",
  schema: z.object({ key: z.string(), seed: z.int() }),
  defaultOptions: { k: 4, stopping: "none" },
});
const orchestrator = new ReliableOrchestrator({ store });

process.on("message", ({ idempotencyKey, request, runs }: Contest) => {
  for (let run = 0; run < runs; run++)
    void report(request.key, orchestrator.run({ tool, request, options: { idempotencyKey } }));
});
process.on("disconnect", () => store.close());
process.send?.("ready");

async function report(payload: string, run: Promise<OrchestrationOutput>): Promise<void> {
  const ending: Ending = await run.then(
    (output) => ({ output }),
    (error) => (ConflictError.isInstance(error) ? { conflict: error.reason } : { error: String(error) }),
  );
  process.send?.({ payload, ending } satisfies Result);
}
