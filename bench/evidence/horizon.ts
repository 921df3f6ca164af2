import { join } from "node:path";
import { keptLeadProbability } from "../../src/evidence/internal/stopping/lead-probability.ts";
import { createStoppingRule } from "../../src/evidence.ts";
import { type CalibrationSet, type GroupedQuestion, readCalibrationSets } from "./calibration-sets.ts";
import { shuffled } from "./orders.ts";
import { mean, percent, points, renderTable, type Table } from "./table.ts";

// Prints what `horizon` costs and risks on the sets of bench/data: by one threshold and by two, and by how close the votes are.

/** Threshold where all valid votes agree, and where some do not. */
type Thresholds = readonly [unanimous: number, contested: number];

const variants: Readonly<Record<string, Thresholds>> = {
  ".975 (in use)": [0.975, 0.975],
  ".975 unanimous, .96 contested": [0.975, 0.96],
  ".975 unanimous, .98 contested": [0.975, 0.98],
};

/** Families whose answers the rule was chosen on. */
const tuned: ReadonlySet<string> = new Set(["GSM8K", "TriviaQA"]);
const counts = [5, 10, 20, 40];
const ordersOfSet = 20;

/** End of one run: how many samples it took, its answer beside that of all K, and how far the first is ahead in all K. */
interface Run {
  readonly k: number;
  readonly samples: number;
  readonly isSame: boolean;
  readonly change: number;
  readonly lead: number;
}

const sets = readCalibrationSets(join(import.meta.dirname, "..", "data"));

function variantTable(): Table {
  const families = [...Map.groupBy(sets, ({ family }) => family)];
  const rows = families.flatMap(([family, ofFamily]) =>
    counts.flatMap((k) => {
      const means = Object.values(variants).map((thresholds) => meansOf(runsOf(ofFamily, k, thresholds)));
      return means[0]?.count === 0 ? [] : [{ family, k, means, isTuned: tuned.has(family) }];
    }),
  );
  const ofHeldOut = counts.map((k) => {
    const such = rows.filter((row) => row.k === k && !row.isTuned);
    const means = Object.keys(variants).map((_, at) => averageOf(such.map((row) => row.means[at] as Means)));
    return { family: `mean of ${such.length}`, k, means, isTuned: false };
  });
  const named = Object.keys(variants).flatMap((name) => [`${name}: fewer`, "change", "same"]);
  return {
    title: "Horizon with one threshold and with two",
    note: "Fewer samples than K; change of accuracy against all K, in points; percent of runs with the answer of all K.",
    columns: ["family", "", "K", ...named],
    rows: [...rows, ...ofHeldOut].map(({ family, k, means, isTuned }) => [
      family,
      isTuned ? "tuned on" : "held out",
      k,
      ...means.flatMap(({ fewer, change, same }) => [`${fewer.toFixed(2)}x`, points(change), percent(same)]),
    ]),
  };
}

function riskTable(): Table {
  const closeness: readonly (readonly [name: string, holds: (lead: number) => boolean])[] = [
    ["lead in all K below 10 %", (lead) => lead < 0.1],
    ["10 to 30 %", (lead) => lead >= 0.1 && lead < 0.3],
    ["30 to 60 %", (lead) => lead >= 0.3 && lead < 0.6],
    ["60 % and more", (lead) => lead >= 0.6],
    ["all", () => true],
  ];
  const byCount = counts.map((k) => runsOf(sets, k, variants[".975 (in use)"] as Thresholds));
  return {
    title: "Risk of horizon .975: percent of runs whose answer is not that of all K",
    note: "By how far the first answer is ahead of the second among all K, as a share of K; in brackets, the share of such runs.",
    columns: ["", ...counts.map((k) => `K = ${k}`)],
    rows: closeness.map(([name, holds]) => [
      name,
      ...byCount.map((runs) => {
        const such = runs.filter(({ lead }) => holds(lead));
        const differing = such.filter(({ isSame }) => !isSame);
        return such.length === 0
          ? "-"
          : `${percent(differing.length / such.length)} (${percent(such.length / runs.length)})`;
      }),
    ]),
  };
}

interface Means {
  readonly count: number;
  readonly fewer: number;
  readonly change: number;
  readonly same: number;
}

function meansOf(runs: readonly Run[]): Means {
  return {
    count: runs.length,
    fewer: 1 / mean(runs.map(({ samples, k }) => samples / k)),
    change: mean(runs.map(({ change }) => change)),
    same: mean(runs.map(({ isSame }) => Number(isSame))),
  };
}

function averageOf(means: readonly Means[]): Means {
  const averageBy = (key: keyof Means) => mean(means.map((each) => each[key]));
  return { count: means.length, fewer: averageBy("fewer"), change: averageBy("change"), same: averageBy("same") };
}

function runsOf(of: readonly CalibrationSet[], k: number, thresholds: Thresholds): Run[] {
  return of.flatMap(({ questions }) =>
    questions.flatMap((question, number) =>
      Array.from({ length: question.groups.length < k ? 0 : ordersOfSet }, (_, order) => {
        return runOf(question, shuffled(question.groups, order * 100_003 + number).slice(0, k), thresholds);
      }),
    ),
  );
}

function runOf({ right }: GroupedQuestion, groups: readonly (number | null)[], thresholds: Thresholds): Run {
  const votes = new Votes();
  let stopped: { samples: number; answer: number | undefined } | undefined;
  for (const [at, group] of groups.entries()) {
    votes.add(group);
    if (!stopped && isSettled(votes, groups.length - at - 1, thresholds))
      stopped = { samples: at + 1, answer: votes.leader };
  }
  const { samples, answer } = stopped ?? { samples: groups.length, answer: votes.leader };
  const score = (group: number | undefined) => Number(group !== undefined && right.has(group));
  return {
    k: groups.length,
    samples,
    isSame: answer === votes.leader,
    change: score(answer) - score(votes.leader),
    lead: (votes.first - votes.second) / groups.length,
  };
}

/** Votes by group; of tied groups the one that had its count first leads. */
class Votes {
  readonly #counts = new Map<number, number>();
  leader: number | undefined;
  first = 0;
  valid = 0;

  get second(): number {
    let most = 0;
    for (const [group, count] of this.#counts) if (group !== this.leader) most = Math.max(most, count);
    return most;
  }

  add(group: number | null): void {
    if (group === null) return;
    this.valid++;
    const count = (this.#counts.get(group) ?? 0) + 1;
    this.#counts.set(group, count);
    if (count > this.first) [this.first, this.leader] = [count, group];
  }
}

function isSettled({ valid, first, second }: Votes, left: number, [unanimous, contested]: Thresholds): boolean {
  if (valid < 2) return false;
  return keptLeadProbability(first, second, left) >= (second === 0 ? unanimous : contested) - 1e-12;
}

/** @throws where this program stops elsewhere than the rule that users get */
function checkRule(): void {
  const { questions } = sets[0] as CalibrationSet;
  for (const { groups } of questions.slice(0, 200)) {
    const rule = createStoppingRule({ k: 10, rule: "horizon", compare: { text: false } });
    const votes = new Votes();
    for (const [at, group] of groups.slice(0, 10).entries()) {
      votes.add(group);
      const isStop = rule.observe(group, { valid: group !== null }).stop;
      if (isStop !== isSettled(votes, 9 - at, [0.975, 0.975]))
        throw new Error(`horizon stops elsewhere: sample ${at + 1} of ${groups.slice(0, 10)}`);
      if (isStop) break;
    }
  }
}

checkRule();
console.log(`${renderTable(variantTable())}\n`);
console.log(renderTable(riskTable()));
