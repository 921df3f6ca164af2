/**
 * A model as a judge of answers: which of two answers to a question is better? Each pair is judged in both orders.
 *
 * Without STEER_MODEL no model judges: a script knows the better answer, errs by chance in one verdict of ten, and has a
 * weakness that real judges have too: of two answers that are about as good, it prefers the one that it reads first.
 */
import { Orchestrator, PromptBundleTool, unwrap } from "steer-llm-sdk";
import { scriptedModel, seededRandom } from "steer-llm-sdk/testing";
import { z } from "zod";

const pairs = [
  {
    question: "Why is the sky blue?",
    answers: ["Air scatters blue light more than red.", "It reflects the sea."],
    quality: [1, 0],
  },
  {
    question: "How long do I boil a soft egg?",
    answers: ["Until it is done.", "Six minutes, then into cold water."],
    quality: [0, 1],
  },
  {
    question: "Is 91 a prime?",
    answers: ["No: it is 7 times 13.", "No, since 7 divides it."],
    quality: [1, 1],
  },
] as const;

/** The script that stands in for a judge. */
const biasedJudge = scriptedModel(({ prompt, seed }) => {
  const text = JSON.stringify(prompt);
  const placeOf = (answer: string) => text.indexOf(answer);
  const pair = pairs.find(({ question }) => text.includes(question));
  if (pair === undefined) throw new Error("The script knows no such question.");
  const [first, second] = pair.answers;
  const lead = pair.quality[0] - pair.quality[1];
  const isFirstBetter = lead === 0 ? placeOf(first) < placeOf(second) : lead > 0;
  const isFirstShownAsA = placeOf(first) < placeOf(second);
  const isMistaken = lead !== 0 && seededRandom(seed).next() < 0.1;
  const better = (isFirstBetter === isFirstShownAsA) !== isMistaken ? "A" : "B";
  return { object: { reason: `${better} says more`, better } };
});

const judge = new PromptBundleTool({
  name: "judge",
  model: process.env["STEER_MODEL"] ?? biasedJudge,
  system: "You judge which of two answers helps the person who asked more. Length is no merit.",
  prompt: "Question:\n{{question}}\n\nAnswer A:\n{{a}}\n\nAnswer B:\n{{b}}",
  // The reason comes first, so that the model weighs before it decides. Only the verdict is voted on.
  schema: z.object({ reason: z.string(), better: z.enum(["A", "B"]) }),
  defaultOptions: { k: 5, fields: ["/better"], compare: { weights: { "/reason": 0 } } },
});

const orchestrator = new Orchestrator();

/** The verdict on two answers in this order, with its votes. */
async function judged(question: string, a: string, b: string) {
  const { summary } = unwrap(await orchestrator.run({ tool: judge, request: { question, a, b } })).evidenceBundle;
  const { support = 0 } = summary.fields["/better"] ?? {};
  return { better: summary.consensus?.better, votes: `${support} of ${summary.validCount}` };
}

for (const { question, answers } of pairs) {
  const [first, second] = answers;
  const forth = await judged(question, first, second);
  const back = await judged(question, second, first);
  const winner = forth.better === "A" ? first : second;
  const isSteady = forth.better !== back.better;
  console.log(`${question}\n  ${isSteady ? `better: ${winner}` : "no verdict: it follows the order"}`);
  console.log(`  in order ${forth.better} by ${forth.votes}, swapped ${back.better} by ${back.votes}`);
}
