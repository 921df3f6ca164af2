import { PromptBundleTool, ReliableOrchestrator } from "../../../src/index.ts";
import { scriptedModel } from "../../../src/testing.ts";
import { openAt, type Place, task } from "../../support/place.ts";
import { createPass, type Death } from "../death.ts";
import { mortalInside } from "../mortal-model.ts";
import { mortalStore } from "../mortal-store.ts";

/** Life of a process that asks one question, whose answers are kept for later runs. */
export interface AnswersLife {
  readonly place: Place;
  readonly death: Death;
  readonly k: number;
}

const { place, death, k } = task<AnswersLife>();
const pass = createPass(death);
const model = mortalInside(scriptedModel(({ seed }: any) => ({ text: `answer to ${seed}` })) as any, pass);
const defaultOptions = { k, stopping: "none", maxParallel: 1 } as const;
const tool = new PromptBundleTool({ name: "triage", model, prompt: "Is it open?", defaultOptions });
const store = mortalStore(openAt(place), { includes: (key) => key.startsWith("answers/") }, pass);
await new ReliableOrchestrator({ store }).run({ tool, request: {} });
await store.close();
