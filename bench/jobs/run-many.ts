/** `runMany` over so many requests, in this process: three answers of a simulated model for each. */
import { PromptBundleTool, ReliableOrchestrator } from "../../src/index.ts";
import { concurrency, question, questions, schema } from "./work.ts";

const tool = new PromptBundleTool({
  name: "triage",
  model: "simulated:?error=0.05",
  prompt: question,
  schema: schema as never,
  defaultOptions: { k: 3 },
});
let answered = 0;
const requests = questions(Number(process.argv[2]));
for await (const done of new ReliableOrchestrator().runMany({ tool, requests, concurrency }))
  if ("output" in done && done.output.status === "completed") answered++;
console.log(answered);
