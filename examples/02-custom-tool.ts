/** A tool made from a function, beside another one in a registry that types runs by name. No model is asked. */
import { createRegistry, defineTool, Orchestrator, unwrap } from "steer-llm-sdk";
import { z } from "zod";

const countWords = defineTool({
  name: "count_words",
  description: "Counts the words of a text.",
  input: z.object({ text: z.string(), longest: z.number().int().default(3) }),
  execute({ text, longest }, _options, { events }) {
    const words = text.match(/[\p{L}\p{N}'-]+/gu) ?? [];
    events.emit("progress", { name: "split", data: { words: words.length } });
    return { count: words.length, longest: words.toSorted((a, b) => b.length - a.length).slice(0, longest) };
  },
});

const shout = defineTool({
  name: "shout",
  input: z.object({ text: z.string() }),
  execute: ({ text }) => text.toUpperCase(),
});

const orchestrator = new Orchestrator({ registry: createRegistry([countWords, shout]) });

const counted = await orchestrator.run({
  toolName: "count_words",
  request: { text: "The right of the people to be secure in their persons, houses, papers, and effects" },
  onEvent: (event) => event.type === "progress" && console.log("progress:", event.name, event.data),
});
console.log(unwrap(counted)); // typed: { count: number; longest: string[] }

const loud = await orchestrator.run({ toolName: "shout", request: { text: "typed by its name" } });
console.log(unwrap(loud));
