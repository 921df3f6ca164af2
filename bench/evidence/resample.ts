import type { Replicate } from "../../src/contract/bundle.ts";
import type { ResolvedBundleOptions } from "../../src/contract/bundle-options.ts";
import { seededRandom } from "../../src/core/random.ts";
import { summarizeParts } from "../../src/evidence/internal/parts.ts";
import { pickFields } from "../../src/evidence/internal/pick-fields.ts";
import { resolveSchema } from "../../src/schema/resolve.ts";
import { createBundleRule } from "../../src/tool/bundle/bundle-rule.ts";
import { FieldResampling } from "../../src/tool/bundle/field-resampling.ts";
import { scheduleReplicates } from "../../src/tool/bundle/replicate-scheduler.ts";
import { mean, percent, renderTable } from "./table.ts";

/**
 * What `resample: "fields"` saves, in simulation: whole objects against fields, by the scheduler and the rule of a bundle.
 * Run by itself: `node bench/evidence/resample.ts`.
 */
const objects = 400;
const fieldCount = 27;
const names = Array.from({ length: fieldCount }, (_, at) => `f${at + 1}`);
/** An answer is right, or one of so many wrong ones. */
const wrongAnswers = 4;

type Answer = Record<string, number>;

/** Some fields are hard, most are easy: the share of right answers of a field is of Beta(4, 1), 80 % on average. */
function answersOf(seed: number, count: number): Answer[] {
  const random = seededRandom(seed);
  const shares = names.map(() => random.next() ** 0.25);
  const say = (share: number) => (random.next() < share ? 0 : 1 + Math.floor(random.next() * wrongAnswers));
  return Array.from({ length: count }, () =>
    Object.fromEntries(names.map((name, at) => [name, say(shares[at] as number)])),
  );
}

const schema = await resolveSchema({
  type: "object",
  properties: Object.fromEntries(names.map((name) => [name, { type: "integer" }])),
  required: names,
});

/** What the bundle of one object took, and how much of it is right. */
interface Outcome {
  readonly samplesAField: number;
  readonly calls: number;
  readonly rounds: number;
  readonly right: number;
}

async function bundleOf(answers: readonly Answer[], how: Partial<ResolvedBundleOptions>): Promise<Outcome> {
  const k = answers.length;
  const options = { k, epsilon: 0.2, maxParallel: k, seeds: [], stopping: "auto", ...how } as ResolvedBundleOptions;
  const resampling = FieldResampling.of(options, schema);
  const roundOf: number[] = [];
  let finished = 0;
  const { replicates } = await scheduleReplicates({
    k,
    maxParallel: k,
    rule: createBundleRule({ options: () => options, schema, resampling, isLast: true, learns: false }),
    async ask(index, fields) {
      roundOf[index] = 1 + Math.max(0, ...roundOf.slice(0, finished));
      await Promise.resolve();
      finished++;
      return { replicate: replicateOf(answers[index] as Answer, index, fields) };
    },
    *onObserved() {},
  });
  const consensus = summarizeParts(replicates).consensus as Answer;
  return {
    samplesAField: replicates.reduce((sum, { fields }) => sum + (fields?.length ?? fieldCount), 0) / fieldCount,
    calls: replicates.length,
    rounds: Math.max(...roundOf),
    right: names.filter((name) => consensus[name] === 0).length / fieldCount,
  };
}

function replicateOf(answer: Answer, index: number, fields: readonly string[] | undefined): Replicate {
  const facts = { id: `r${index + 1}`, elapsedMs: 0, seed: index, model: "simulated", attempts: 1 };
  const data = fields ? pickFields(answer, fields) : answer;
  return { ...facts, valid: true, data, quality: { valid: true }, ...(fields && { fields: [...fields] }) };
}

const ways: readonly (readonly [string, Partial<ResolvedBundleOptions>])[] = [
  ["all K", { stopping: "none" }],
  ["whole objects", {}],
  ['resample: "fields"', { resample: "fields" }],
];

for (const k of [10, 20, 40]) {
  const rows = [];
  for (const [name, how] of ways) {
    const outcomes: Outcome[] = [];
    for (let seed = 1; seed <= objects; seed++) outcomes.push(await bundleOf(answersOf(seed, k), how));
    const average = (of: keyof Outcome) => mean(outcomes.map((outcome) => outcome[of]));
    const [samples, calls, rounds] = (["samplesAField", "calls", "rounds"] as const).map((of) =>
      average(of).toFixed(2),
    );
    rows.push([name, samples, calls, rounds, percent(average("right"))].map(String));
  }
  const title = `Fields or whole objects, simulated, K = ${k} (${objects} objects of ${fieldCount} fields)`;
  console.log(`${renderTable({ title, columns: ["", "samples a field", "calls", "rounds", "right %"], rows })}\n`);
}
