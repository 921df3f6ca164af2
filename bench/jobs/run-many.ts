/**
 * `runMany` over so many requests, in this process: three answers of a simulated model for each, or with `plain` one
 * answer of a tool that asks no model.
 */
import { defineTool, PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";
import { concurrency, question, questions, schema } from "./work.ts";

const [, , count, kind] = process.argv;
const bundle = new PromptBundleTool({
  name: "triage",
  model: "simulated:?error=0.05",
  prompt: question,
  schema: schema as never,
  defaultOptions: { k: 3 },
});
const plain = defineTool({ name: "length", execute: async ({ report }: { report: string }) => report.length });
const tool = kind === "plain" ? plain : bundle;
let answered = 0;
const requests = questions(Number(count));
for await (const done of new ReliableOrchestrator().runMany({ tool, requests, concurrency }))
  if ("output" in done && done.output.status === "completed") answered++;
console.log(answered);
