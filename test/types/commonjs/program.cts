/** A CommonJS module has the package's types by `import`, by `require`, and by a dynamic import. */
import { type InputOf, PromptBundleTool } from "steer-llm-sdk";

import evidence = require("steer-llm-sdk/evidence");

const tool = new PromptBundleTool({ name: "triage", model: "openai:gpt-5-mini", prompt: "{{report}}" });
const request: InputOf<typeof tool> = { report: "…" };
// @ts-expect-error no provider is named
new PromptBundleTool({ name: "triage", model: "gpt-5-mini", prompt: "{{report}}" });
const isSame: boolean = evidence.sameAnswer("5", "five");
// @ts-expect-error the answers are texts
evidence.sameAnswer(5, 5);
const later: Promise<typeof import("steer-llm-sdk/reliability")> = import("steer-llm-sdk/reliability");

module.exports = { request, isSame, later };
