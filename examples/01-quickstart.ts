/**
 * A prompt tool and its evidence bundle. The answers are recorded ones of a real model, llama-13b
 * (bench/data/README.md); with STEER_MODEL=openai:gpt-5-mini a live model is asked.
 */
import { Orchestrator, PromptBundleTool } from "steer-llm-sdk";

const trivia = new PromptBundleTool({
  name: "trivia",
  model: process.env["STEER_MODEL"] ?? `recorded:${import.meta.dirname}/../bench/data/triviaqa-llama13b-20.jsonl`,
  prompt: "{{question}}",
  defaultOptions: { k: 10 },
});

const question = "The Kalahari Desert lies chiefly in which country?";
const output = await new Orchestrator().run({ tool: trivia, request: { question } });

if (output.status === "failed") {
  console.error(output.errors);
  process.exitCode = 1;
} else {
  const { summary, meta } = output.content.evidenceBundle;
  console.log(question);
  console.log(`Consensus:  ${summary.consensus}`);
  console.log(`Confidence: ${summary.confidence.toFixed(2)}`);
  console.log(`Answers:    ${meta.kCompleted} of at most ${meta.k}, ${meta.source}`);
  for (const { values } of summary.disagreements)
    for (const { value, support } of values) console.log(`  ${support} x ${value}`);
}
