/**
 * Texts to a table: 18 amendments to the Constitution of the United States (public domain, data/README.md), each read
 * into the columns of a spreadsheet, with the cells that are unsure.
 *
 * Without STEER_MODEL nothing here is a language model: rules read the text, and a seeded dice makes one of five
 * answers wrong in one column, so that there is something to vote on. With STEER_MODEL=openai:gpt-5-mini a model reads.
 */
import { readFileSync } from "node:fs";
import { Orchestrator, PromptBundleTool } from "steer-llm-sdk";
import { scriptedModel, seededRandom } from "steer-llm-sdk/testing";
import { z } from "zod";

interface Amendment {
  number: number;
  ratified: number;
  text: string;
}

const subjects = [
  "voting",
  "alcohol",
  "slavery",
  "trial",
  "search",
  "army",
  "arms",
  "money",
  "speech",
  "powers",
] as const;
const Row = z.object({
  subject: z.enum(subjects),
  sections: z.number().int(),
  congressEnforces: z.boolean(),
  deadlineYears: z.number().int().nullable(),
});
type Row = z.infer<typeof Row>;

const signs: Record<(typeof subjects)[number], RegExp> = {
  voting: /to vote/,
  alcohol: /liquors/,
  slavery: /slavery/,
  trial: /jury|jeopardy|bail/i,
  search: /searches/,
  army: /Soldier/,
  arms: /bear Arms/,
  money: /taxes|compensation/,
  speech: /speech/,
  powers: /rights|powers/,
};

/** What the rules read in a text. */
function readByRules(text: string): Row {
  return {
    subject: subjects.find((subject) => signs[subject].test(text)) ?? "powers",
    sections: text.match(/Section \d/g)?.length ?? 1,
    congressEnforces: /power to enforce/.test(text),
    deadlineYears: /within seven years/.test(text) ? 7 : null,
  };
}

/** The rules, wrong in one column of one answer in five. */
const carelessReader = scriptedModel(({ prompt, seed }) => {
  const row = readByRules(JSON.stringify(prompt));
  const random = seededRandom(seed);
  if (random.next() < 0.2) {
    const mistakes: Partial<Row>[] = [
      { subject: "powers" },
      { sections: row.sections + 1 },
      { congressEnforces: !row.congressEnforces },
      { deadlineYears: row.deadlineYears === null ? 10 : null },
    ];
    Object.assign(row, mistakes[Math.floor(random.next() * mistakes.length)]);
  }
  return { object: row };
});

const extract = new PromptBundleTool({
  name: "extract",
  model: process.env["STEER_MODEL"] ?? carelessReader,
  system: "You read legal texts into the columns of a table. deadlineYears is the time allowed for ratification.",
  prompt: "{{text}}",
  schema: Row,
  defaultOptions: { k: 7 },
});

const amendments = readFileSync(`${import.meta.dirname}/data/amendments.jsonl`, "utf8")
  .trimEnd()
  .split("\n")
  .map((line): Amendment => JSON.parse(line));

const rows: string[] = [];
let answerCount = 0;
let wrongAnswerCount = 0;
let wrongRowCount = 0;
for await (const done of new Orchestrator().runMany({
  tool: extract,
  requests: amendments.map(({ text }) => ({ text })),
  concurrency: 4,
})) {
  if ("error" in done) throw done.error;
  if (done.output.status === "failed") throw new Error(JSON.stringify(done.output.errors));
  const { number, ratified, text } = amendments[done.index] as Amendment;
  const { summary, replicates } = done.output.content.evidenceBundle;
  const expected = JSON.stringify(readByRules(text));
  answerCount += replicates.length;
  wrongAnswerCount += replicates.filter(({ data }) => JSON.stringify(data) !== expected).length;
  if (JSON.stringify(summary.consensus) !== expected) wrongRowCount++;
  const unsure = summary.disagreements.map(({ path }) => path.slice(1)).join(" ");
  rows[done.index] = [
    number,
    ratified,
    ...Object.values(summary.consensus ?? {}),
    summary.confidence.toFixed(2),
    unsure,
  ].join(",");
}

console.log(["number", "ratified", ...Object.keys(Row.shape), "confidence", "unsure"].join(","));
console.log(rows.join("\n"));
console.log(`\n${answerCount} answers for ${rows.length} rows, where always 7 takes ${7 * rows.length}.`);
console.log(
  `Measured against the rules: ${wrongAnswerCount} answers wrong, ${wrongRowCount} rows of the consensus wrong.`,
);
