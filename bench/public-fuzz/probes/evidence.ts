import {
  acceptAnswers,
  acceptanceWeights,
  calibrationError,
  calibrationFromJSON,
  certify,
  choicesFromSchema,
  clusterTexts,
  compareFromSchema,
  createJobCalibration,
  createStoppingRule,
  fitCalibration,
  groupAnswers,
  guessThreshold,
  labelsNeeded,
  normalizeText,
  pairwiseDistance,
  rankPurchases,
  resolveSimilarity,
  sameAnswer,
  scoreAcceptance,
  summarize,
  textSimilarity,
  watchPrecision,
} from "../../../src/evidence.ts";
import { onCounts, onSchemas, onTexts, onValues, type Probe, range } from "../probe.ts";

const judged = (count: number) => range(count).map((at) => ({ confidence: (at % 97) / 97, correct: at % 3 > 0 }));
const signalsOf = (count: number) =>
  judged(count).map(({ confidence }, at) => ({ votes: confidence, verifier: (at % 5) / 4, logprob: -(at % 11) }));
const replicates = (answers: readonly any[]) => answers.map((data, index) => ({ id: `r${index + 1}`, data }));

/** Another text like a text: what most rules compare letter by letter before they tell two apart. */
const almost = (text: string) => `${text.slice(0, -1)}x`;
const turned = (text: string) => text.split(" ").reverse().join(" ");
const cutUp = (text: string, length: number) =>
  range(Math.ceil(text.length / length)).map((at) => text.slice(at * length, (at + 1) * length));

export const evidenceProbes: readonly Probe[] = [
  onCounts("calibrationError", (count) => calibrationError(judged(count), 10)),
  onCounts("fitCalibration", (count) =>
    fitCalibration(judged(count).map(({ confidence, correct }) => ({ summary: { confidence }, correct }))),
  ),
  onCounts("certify", (count) => {
    const all = judged(count);
    return certify(
      all.map(({ confidence }) => confidence),
      all.map(({ correct }, at) => (at % 2 > 0 ? correct : null)),
      { precision: 0.6 },
    );
  }),
  onCounts("labelsNeeded", (count) => labelsNeeded(1 - 1 / (count + 2), 0.9)),
  onCounts("scoreAcceptance", (count) =>
    scoreAcceptance(
      signalsOf(count),
      judged(count).map(({ correct }, at) => (at % 2 > 0 ? correct : null)),
    ),
  ),
  onCounts("acceptAnswers", (count) =>
    acceptAnswers(
      signalsOf(count),
      judged(count).map(({ correct }, bundle) => ({ bundle, correct, draw: bundle < 20 ? "stratified" : "uniform" })),
      { precision: 0.6 },
    ),
  ),
  onCounts("rankPurchases", (count) =>
    rankPurchases(
      judged(count).map(({ confidence }) => ({ score: confidence, samples: 5, prices: { sample: 0.001, label: 0.5 } })),
      { threshold: 0.9, weights: acceptanceWeights },
    ),
  ),
  onCounts("guessThreshold", (count) =>
    guessThreshold(
      judged(count).map(({ confidence }) => confidence),
      0.9,
    ),
  ),
  onCounts("watchPrecision", (count) =>
    watchPrecision(
      judged(count).map(({ correct }) => correct),
      { precision: 0.9 },
    ),
  ),
  onValues("createJobCalibration", (value) => {
    const job = createJobCalibration();
    const bundle = summarize(replicates([value, changed(value), value]));
    job.observe(bundle);
    return job.confidence(bundle);
  }),
  onCounts(
    "createJobCalibration",
    (count) => {
      const job = createJobCalibration();
      for (const at of range(count)) job.observe([5 - (at % 3), at % 3]);
      return job.confidence([4, 1]);
    },
    "createJobCalibration, many bundles",
  ),
  onValues("calibrationFromJSON", (value) => calibrationFromJSON(value)),
  onSchemas("choicesFromSchema", (schema) => choicesFromSchema(schema)),
  onSchemas("compareFromSchema", (schema) => compareFromSchema(schema)),
  onTexts("normalizeText", (text) => normalizeText(text)),
  onTexts("sameAnswer", (text) => sameAnswer(text, almost(text)), "sameAnswer, one letter differs"),
  onTexts("sameAnswer", (text) => sameAnswer(text, turned(text)), "sameAnswer, words turned round"),
  onTexts("sameAnswer", (text) => [sameAnswer("yes", text), sameAnswer(text, "12 kg")], "sameAnswer, a short one"),
  onTexts("textSimilarity", (text) => textSimilarity(text, turned(text))),
  onTexts("groupAnswers", (text) => groupAnswers([text, almost(text), turned(text)]), "groupAnswers, three long"),
  onTexts("groupAnswers", (text) => groupAnswers(cutUp(text, 80)), "groupAnswers, many short"),
  onTexts("clusterTexts", (text) => clusterTexts([text, almost(text), turned(text)]), "clusterTexts, three long"),
  {
    ...onTexts("clusterTexts", (text) => clusterTexts(cutUp(text, 200)), "clusterTexts, many short"),
    documentedPower: 2,
  },
  onValues("pairwiseDistance", (value) => pairwiseDistance([value, value, changed(value), {}])),
  onValues("resolveSimilarity", (value) =>
    resolveSimilarity([value, changed(value)], { similarity: async (a, b) => Number(a === b) }),
  ),
  onValues("summarize", (value) => summarize(replicates([value, value, value])), "summarize, equal answers"),
  onValues("summarize", (value) => summarize(replicates([value, changed(value), value])), "summarize, changed answers"),
  onValues(
    "summarize",
    (value) => summarize(replicates([value, changed(value)]), { check: () => false }),
    "summarize, refused",
  ),
  onTexts("summarize", (text) => summarize(replicates([text, almost(text), turned(text)])), "summarize, texts"),
  onValues("createStoppingRule", (value) => {
    const rule = createStoppingRule({ k: 5 });
    for (const answer of [value, changed(value), value]) rule.observe(answer);
  }),
  onValues(
    "createStoppingRule",
    (value) => createStoppingRule({ k: 5, fields: value, choices: value }),
    "createStoppingRule, its options",
  ),
  onTexts(
    "createStoppingRule",
    (text) => createStoppingRule({ k: 5, fields: [`/${text}`], compare: { byPath: { [`/${text}`]: {} } } }),
    "createStoppingRule, a pointer",
  ),
];

/** Every other part of a value turned round or replaced, so that nothing is equal as a whole; of a list of one item, the item's. */
export function changed(value: any): any {
  if (Array.isArray(value) && value.length === 1) return value.map(changed);
  if (Array.isArray(value)) return value.map((item, at) => (at % 2 > 0 ? "other" : item)).reverse();
  if (typeof value !== "object" || value === null) return `${value}x`;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item], at) => [key, at % 2 > 0 ? "other" : typeof item === "string" ? `${item}x` : item])
      .reverse(),
  );
}
