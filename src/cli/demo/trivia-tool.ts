import type { BundleOptions } from "../../contract/bundle-options.ts";
import type { LanguageModelLike } from "../../contract/model.ts";
import { PromptBundleTool } from "../../tool/prompt-bundle-tool.ts";

/** The recorded model was asked with examples that are not in the recording; a live one has to be told the form. */
const form = "Answer with the name or the few words that are asked for, and nothing else.";

/** The tool of the demo: a question in, a text out. */
export function createTriviaTool(model: string | LanguageModelLike, defaultOptions: BundleOptions) {
  const isRecorded = typeof model === "string" ? model.startsWith("recorded:") : model.source === "recorded";
  return new PromptBundleTool({
    name: "trivia",
    model,
    system: isRecorded ? undefined : form,
    prompt: "{{question}}",
    defaultOptions,
  });
}

export type TriviaTool = ReturnType<typeof createTriviaTool>;
