/**
 * A job written by hand: a queue of `p-queue`, and `generateText` three times for each input, of the same simulated
 * model. The answers are parsed and thrown away: no vote, no schema, no retry of ours, no line written.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { generateText, type LanguageModel } from "ai";
import { simulatedModel } from "../../src/provider/simulated.ts";
import { concurrency, promptOf, questions } from "./work.ts";

const [, , count, peers = ""] = process.argv;
const found = createRequire(join(peers, "package.json")).resolve("p-queue");
const { default: PQueue } = await import(pathToFileURL(found).href);

const model = simulatedModel({ errorRate: 0.05, truth: { severity: "low", component: "editor" } });
const queue = new PQueue({ concurrency });
let answered = 0;
async function answer(request: { readonly report: string }): Promise<void> {
  for (let seed = 0; seed < 3; seed++) {
    const { text } = await generateText({ model: model as unknown as LanguageModel, prompt: promptOf(request), seed });
    JSON.parse(text);
  }
  answered++;
}
for (const request of questions(Number(count))) {
  await queue.onSizeLessThan(2 * concurrency);
  void queue.add(() => answer(request));
}
await queue.onIdle();
console.log(answered);
