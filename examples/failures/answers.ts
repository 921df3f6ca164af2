import type { Failure } from "./night.ts";
import { high, local, request, triage, urgent } from "./triage.ts";

const usage = { inputTokens: 20, outputTokens: 9 };
const tooLong = Object.assign(new Error("This model's maximum context length is 128000 tokens."), {
  statusCode: 400,
  code: "context_length_exceeded",
});
const filtered = Object.assign(new Error("The prompt triggered the content management policy."), {
  statusCode: 400,
  code: "content_filter",
});

export const answerFailures: readonly Failure[] = [
  {
    title: "The answer is not JSON",
    async act(night) {
      const sloppy = triage([{ text: "Here you are: {severity: 'high',}", usage }, high, high]);
      await night.watch(() => night.orchestrator().run({ tool: sloppy, request }), "It can be mended");
      const chatty = triage([{ text: "I would call it severe.", usage }, high, high, high]);
      await night.watch(() => night.orchestrator().run({ tool: chatty, request }), "It cannot");
    },
  },
  {
    title: "Half of the answers do not fit the schema, not even at the second try",
    async act(night) {
      const tool = triage([urgent, urgent, high, urgent, urgent, high]);
      await night.watch(() => night.orchestrator().run({ tool, request, toolOptions: { k: 4 } }));
    },
  },
  {
    title: "The prompt is too long for the model",
    async act(night) {
      const tool = triage(() => ({ error: tooLong }));
      await night.watch(() => night.orchestrator().run({ tool, request }), "Without a fallback");
      await night.watch(() => night.orchestrator().run({ tool, request, fallbackTools: [local] }), "With one");
    },
  },
  {
    title: "The provider's content filter refuses",
    async act(night) {
      const tool = triage(() => ({ error: filtered }));
      await night.watch(() => night.orchestrator().run({ tool, request }));
    },
  },
];
