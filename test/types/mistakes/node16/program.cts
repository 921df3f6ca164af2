/** CommonJS under `"module": "node16"`, which knows no `require` of an ECMAScript module. */

import type { InputOf, PromptBundleTool } from "steer-llm-sdk" with { "resolution-mode": "import" };
import { Orchestrator } from "steer-llm-sdk";

// The way out: a type import that names its mode, and a dynamic import.
export async function ask(tool: PromptBundleTool<"{{report}}">, request: InputOf<typeof tool>) {
  const steer = await import("steer-llm-sdk");
  return new steer.Orchestrator().run({ tool, request });
}
export const orchestrator = new Orchestrator();
