/**
 * Runs work that takes long, sends itself SIGTERM as each piece begins, and prints which pieces were done before the
 * signal was heard.
 */

import { z } from "zod";
import { shapes, textOf } from "../../../bench/extraction/shapes.ts";
import { largeBundles } from "../../../bench/summary/lists.ts";
import { defineBundleTool, type JSONSchema, Orchestrator, PromptBundleTool } from "../../../src/index.ts";
import { scriptedModel } from "../../../src/testing.ts";

const orchestrator = new Orchestrator();
const anObject: JSONSchema = { type: "object", required: ["a"] };
const uniqueNumbers: JSONSchema = { type: "array", items: { type: "number" }, uniqueItems: true };

const answering = (text: string, schema: JSONSchema) =>
  orchestrator.run({
    tool: new PromptBundleTool({
      name: "answering",
      model: scriptedModel(() => ({ text })),
      prompt: "?",
      maxOutputTokens: 10_000_000,
      defaultOptions: { k: 1, schema },
    }),
    request: {},
  });

const summarising = (answers: readonly unknown[]) =>
  orchestrator.run({
    tool: defineBundleTool({
      name: "summarising",
      input: z.object({}),
      schema: z.any(),
      defaultOptions: { k: answers.length, stopping: "none", maxParallel: answers.length },
      executeReplicate: async (_request, { index }) => ({ data: answers[index] }),
    }),
    request: {},
  });

const hostile = (name: string) =>
  textOf(shapes.find((shape) => shape.name === name) as (typeof shapes)[number], 2 ** 20);

const pieces: Record<string, () => Promise<unknown>> = {
  "bracket and quote": () => answering(hostile("bracket and quote"), anObject),
  "distinct keys without their bracket": () => answering(hostile("distinct keys without their bracket"), anObject),
  links: () => answering(hostile("links"), anObject),
  "unique numbers": () => answering(JSON.stringify(Array.from({ length: 10_000 }, (_, at) => at)), uniqueNumbers),
  "lists of rows": () => summarising((largeBundles[0]?.answers() ?? []).slice(0, 4)),
};

const late: string[] = [];
let heard: (() => void) | undefined;
process.on("SIGTERM", () => heard?.());
// Loads what is loaded with the first run.
await answering("{}", anObject).catch(() => {});
for (const [name, piece] of Object.entries(pieces)) {
  let isHeard = false;
  heard = () => {
    isHeard = true;
  };
  const work = piece().catch(() => {});
  process.kill(process.pid, "SIGTERM");
  await work;
  if (!isHeard) late.push(name);
}
console.log(JSON.stringify({ pieces: Object.keys(pieces).length, late }));
process.exit();
