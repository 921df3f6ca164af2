import type { ModelAsker } from "./model-asker.ts";
import type { PromptBundleToolOptions } from "./prompt-bundle-tool.ts";

/** What a prompt tool asks, and whom. */
interface Question {
  readonly options: PromptBundleToolOptions<any, any, string>;
  asker?: Promise<ModelAsker>;
}

/** Not in fields of their own class, which a copy of a subclass's tool could not have. */
export const questions = new WeakMap<object, Question>();

export function questionOf(tool: object): Question {
  return questions.get(tool) as Question;
}

/** What a tool asks whatever the request, as plain data; `undefined` of one that has no prompt. */
export function promptOf(tool: object): unknown {
  const options = questions.get(tool)?.options;
  // A function may give another text at every call; what it says itself stays the same until somebody changes it.
  return options && { system: options.system, prompt: String(options.prompt) };
}
