/**
 * Prints, by family of recorded tasks, what a vote of five buys against one answer, and how often five equal answers are
 * wrong: `node bench/evidence/what-votes-buy.ts`.
 */
import { join } from "node:path";
import { type CalibrationSet, type GroupedQuestion, readCalibrationSets } from "./calibration-sets.ts";
import { shuffled } from "./orders.ts";
import { mean, percent, points, renderTable } from "./table.ts";

const k = 5;
const orders = 20;

interface Shares {
  readonly oneRight: number;
  readonly consensusRight: number;
  readonly unanimous: number;
  /** Share of the unanimous ones that are wrong. */
  readonly unanimousWrong: number;
}

const byFamily = Map.groupBy(readCalibrationSets(join(import.meta.dirname, "..", "data")), ({ family }) => family);
const rows = [...byFamily].map(([family, sets]) => {
  const shares = sets.map(sharesOf);
  const averageOf = (name: keyof Shares) => mean(shares.map((each) => each[name]));
  const [one, consensus] = [averageOf("oneRight"), averageOf("consensusRight")];
  return [
    family,
    percent(one, 1),
    percent(consensus, 1),
    points(consensus - one, 1),
    percent(averageOf("unanimous"), 1),
    percent(averageOf("unanimousWrong"), 1),
  ];
});

console.log(
  renderTable({
    title: "What five votes buy, in percent",
    columns: ["family", "one answer right", "consensus right", "gain", "all five agree", "of these, wrong"],
    rows,
  }),
);

/** Shares over all questions of a set with five samples, in 20 random orders of each. */
function sharesOf({ questions }: CalibrationSet): Shares {
  const bundles = questions
    .filter(({ groups }) => groups.length >= k)
    .flatMap((question, at) => Array.from({ length: orders }, (_, order) => bundleOf(question, order * 100_003 + at)));
  const unanimous = bundles.filter(({ isUnanimous }) => isUnanimous);
  return {
    oneRight: shareOf(bundles, ({ isFirstRight }) => isFirstRight),
    consensusRight: shareOf(bundles, ({ isRight }) => isRight),
    unanimous: unanimous.length / bundles.length,
    unanimousWrong: shareOf(unanimous, ({ isRight }) => !isRight),
  };
}

/** Five samples in a random order, and the group that most of them are in; of equal groups, the one that came first. */
function bundleOf({ groups, right }: GroupedQuestion, seed: number) {
  const asked = shuffled(groups, seed).slice(0, k);
  const votes = Map.groupBy(
    asked.filter((group) => group !== null),
    (group) => group,
  );
  const [winner, support] = [...votes].reduce((best, each) => (each[1].length > best[1].length ? each : best), [
    -1,
    [] as number[],
  ] as [number, number[]]);
  const [first] = asked;
  return {
    isFirstRight: typeof first === "number" && right.has(first),
    isRight: right.has(winner),
    isUnanimous: support.length === k,
  };
}

function shareOf<T>(items: readonly T[], holds: (item: T) => boolean): number {
  return items.filter(holds).length / items.length;
}
