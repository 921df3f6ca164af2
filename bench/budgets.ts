/**
 * Prints how budgets hold over servers that count, think, cut off and refuse: `node bench/budgets.ts [scenarios]`.
 * Each scenario runs without a ceiling, with a roomy one (ten times what was used), and with a tight one;
 * every third ceiling is in dollars.
 */
import { ceilingOf, kinds, overrunOf, runScenario, scenarioOf, tightness } from "../test/support/budget-scenario.ts";

const count = Number(process.argv[2] ?? 200);

interface Row {
  scenarios: number;
  roomyFailed: number;
  tooSmall: number;
  cut: number;
  stoppedEarly: number;
  passed: number;
  mostPassed: number;
}

const empty = (): Row => ({
  scenarios: 0,
  roomyFailed: 0,
  tooSmall: 0,
  cut: 0,
  stoppedEarly: 0,
  passed: 0,
  mostPassed: 0,
});
const rows = new Map(kinds.map((kind) => [kind, empty()]));

for (let seed = 0; seed < count; seed++) {
  const scenario = scenarioOf(seed);
  const row = rows.get(scenario.kind) as Row;
  row.scenarios++;
  const free = await runScenario(scenario);
  const roomy = await runScenario(scenario, ceilingOf(seed, free, 10));
  if (roomy.status !== free.status || roomy.validCount !== free.validCount) row.roomyFailed++;
  const ceiling = ceilingOf(seed, free, tightness(seed));
  const tight = await runScenario(scenario, ceiling);
  if (tight.validCount < free.validCount) row.stoppedEarly++;
  for (const outcome of [roomy, tight]) {
    row.tooSmall += outcome.tooSmall;
    row.cut += outcome.cut;
  }
  const over = overrunOf(tight, ceiling);
  if (over > 0) row.passed++;
  row.mostPassed = Math.max(row.mostPassed, over);
}

console.log(
  "A roomy ceiling is ten times what the run used without one; a tight one 0.2 to 2.2 times. `limit below need`: calls with\n" +
    "less room than an answer of their bundle had needed. `at most by`: of what was set aside at one time.\n\n" +
    "| prompt | scenarios | roomy ceiling fails | limit below need | answers cut off | tight ceiling ends early | tight ceiling passed | at most by |\n| --- | --- | --- | --- | --- | --- | --- | --- |",
);
for (const [kind, row] of rows) {
  const { scenarios, roomyFailed, tooSmall, cut, stoppedEarly, passed, mostPassed } = row;
  const most = `${(100 * mostPassed).toFixed(1)} %`;
  console.log(`| ${[kind, scenarios, roomyFailed, tooSmall, cut, stoppedEarly, passed, most].join(" | ")} |`);
}
