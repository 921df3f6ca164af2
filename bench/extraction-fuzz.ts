/**
 * Random texts through the reader of answers. Each was written from a value: the outcome is that value, a correction (it does not
 * fit) or a refusal, and never another value.
 *
 *     node bench/extraction-fuzz.ts [--texts 1000000] [--seed 1]
 */
import { parseArgs } from "node:util";
import { seededRandom } from "../src/core/random.ts";
import { outcomeOf, outcomes } from "./extraction/outcome.ts";
import { writeText } from "./extraction/texts.ts";

const { values } = parseArgs({
  options: { texts: { type: "string", default: "100000" }, seed: { type: "string", default: "1" } },
});
const random = seededRandom(Number(values.seed));
const counts = Object.fromEntries(outcomes.map((outcome) => [outcome, 0]));
const byRecipe = new Map<string, number>();
for (let count = 0; count < Number(values.texts); count++) {
  const written = writeText(random);
  const { outcome, data } = await outcomeOf(written);
  counts[outcome] = (counts[outcome] ?? 0) + 1;
  if (outcome !== "another value") continue;
  byRecipe.set(written.recipe, (byRecipe.get(written.recipe) ?? 0) + 1);
  if (counts[outcome] > 20) continue;
  console.log(
    `${written.recipe}\n  text:  ${JSON.stringify(written.text)}\n  meant: ${JSON.stringify(written.value)}\n  read:  ${JSON.stringify(data)}`,
  );
}
console.log(`${values.texts} texts from seed ${values.seed}`);
for (const [outcome, count] of Object.entries(counts))
  console.log(`  ${outcome.padEnd(16)}${String(count).padStart(8)}`);
if (byRecipe.size > 0) {
  console.log(
    [...byRecipe]
      .sort((a, b) => b[1] - a[1])
      .slice(0, 30)
      .map(([recipe, count]) => `${count} ${recipe}`)
      .join("\n"),
  );
  process.exitCode = 1;
}
