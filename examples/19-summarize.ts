/**
 * The statistics alone, with each option of `summarize`: answers that you have already go in, and a summary comes out. No
 * model, no orchestrator.
 */
import { choicesFromSchema, compareFromSchema, summarize } from "steer-llm-sdk/evidence";

interface Reading {
  unit: "kg" | "lb";
  weight: number;
  tags: string[];
  note: string;
}

const answers: Reading[] = [
  { unit: "kg", weight: 12.01, tags: ["fragile", "new"], note: "Label is smudged." },
  { unit: "kg", weight: 12.0, tags: ["new", "fragile"], note: "The label is smudged" },
  { unit: "lb", weight: 26.5, tags: ["new"], note: "Read from the side." },
];
const replicates = answers.map((data, index) => ({ id: `r${index + 1}`, data }));
const schema = {
  type: "object",
  properties: {
    unit: { enum: ["kg", "lb"] },
    weight: { type: "number" },
    tags: { type: "array", items: { type: "string" } },
    note: { type: "string" },
  },
};

function show(title: string, options?: Parameters<typeof summarize>[1]): void {
  const { consensus, confidence, stability, disagreements } = summarize(replicates, options);
  console.log(`${title}\n  ${JSON.stringify(consensus)}`);
  const contested = disagreements.map(({ path }) => path).join(" ") || "nothing";
  console.log(`  confidence ${confidence.toFixed(2)}, stability ${stability.toFixed(2)}, contested: ${contested}`);
}

show("As they are");
show("With weights that are close as one value", { tolerance: 0.01 });
show("With the note compared to the letter, and lists by position", { text: "exact", lists: "position" });
show("With a weight of 0 for the note", { weights: { "/note": 0 } });
show("With what a schema says of its fields", { ...compareFromSchema(schema), choices: choicesFromSchema(schema) });
show("With two more answers to come", { k: 5 });
show("With a check that the consensus must pass", { check: (value) => (value as Reading).weight < 12.005 });
