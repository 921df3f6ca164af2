/**
 * Images in a prompt, and answers in free text that are compared by meaning. Scripts stand in for both models: one "sees"
 * the width that a PNG declares, and one "embeds" a text as the counts of a few words.
 */
import { type EmbeddingModelLike, embeddingSimilarity, Orchestrator, PromptBundleTool, unwrap } from "steer-llm-sdk";
import { scriptedModel } from "steer-llm-sdk/testing";
import { z } from "zod";

const orchestrator = new Orchestrator();

// An image: a prompt that is a function gives messages, and `input` checks and types what it reads.
const onePixel = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const seer = scriptedModel(({ prompt }) => {
  const [message] = prompt as { content: { type: string; mediaType?: string; data?: unknown }[] }[];
  const file = message?.content.find(({ type }) => type === "file");
  return { object: { kind: file?.mediaType ?? "nothing" } };
});
const look = new PromptBundleTool({
  name: "look",
  model: process.env["STEER_MODEL"] ?? seer,
  input: z.object({ photo: z.instanceof(Uint8Array), question: z.string() }),
  prompt: ({ photo, question }) => [
    {
      role: "user",
      content: [
        { type: "text", text: question },
        { type: "image", image: photo },
      ],
    },
  ],
  schema: z.object({ kind: z.string() }),
});
const seen = await orchestrator.run({ tool: look, request: { photo: onePixel, question: "What kind of file is it?" } });
console.log("Image:   ", unwrap(seen).evidenceBundle.summary.consensus);

// Meaning: an embedding model says which texts are one answer, in place of the rules.
const words = ["salt", "rain", "sand", "ice"];
const embedder: EmbeddingModelLike = {
  specificationVersion: "v4",
  provider: "scripted",
  modelId: "counts-of-words",
  maxEmbeddingsPerCall: 100,
  doEmbed: async ({ values }: { values: string[] }) => ({
    embeddings: values.map((text) => words.map((word) => text.toLowerCase().split(word).length - 1)),
    warnings: [],
  }),
};
const advice = scriptedModel([
  { text: "Put salt on the ice." },
  { text: "Strew sand." },
  { text: "Ice melts when salt is strewn on it." },
]);
const melt = new PromptBundleTool({
  name: "melt",
  model: advice,
  prompt: "How do I make {{what}} safe?",
  defaultOptions: { k: 3, stopping: "none", compare: { similarity: embeddingSimilarity(embedder) } },
});
const { summary } = unwrap(await orchestrator.run({ tool: melt, request: { what: "an icy path" } })).evidenceBundle;
console.log("Meaning: ", summary.consensus);
for (const { value, support } of summary.disagreements[0]?.values ?? [])
  console.log(`           ${support} x ${value}`);
