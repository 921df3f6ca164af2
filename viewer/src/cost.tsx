import { percent, showCount } from "../../src/cli/progress/format.ts";
import type { Expense, FixedKCost, FixedKNames, Spending } from "../../src/cli/view/expense.ts";
import { showElapsed } from "../../src/cli/view/facts.ts";
import { Meter } from "./parts.tsx";

interface CostBarsProps {
  readonly cost: FixedKCost;
  readonly names: FixedKNames;
  /** Name of what was asked for. */
  readonly asked?: string;
}

/** Answers asked, beside those that always asking K times would have taken. */
export function CostBars({
  cost: { actual, fixed, saved },
  names: { fixedName, estimate },
  asked = "asked",
}: CostBarsProps) {
  const most = Math.max(actual.answers, fixed.answers);
  const show = dollarsAmong([actual.costUsd, fixed.costUsd]);
  const isEstimate = actual.answers !== fixed.answers;
  return (
    <>
      <table class="cost-bars">
        <thead>
          <tr>
            <td />
            {["answers", "tokens", "dollars"].map((name) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <CostRow name={asked} expense={actual} most={most} kind="agreed" show={show} />
          <CostRow name={fixedName} expense={fixed} most={most} kind="muted" show={show} />
        </tbody>
      </table>
      <p class="soft">
        {saved.answers > 0 && `${percent(saved.answers / fixed.answers)} fewer answers than ${fixedName}. `}
        {isEstimate && estimate}
      </p>
    </>
  );
}

interface CostRowProps {
  readonly name: string;
  readonly expense: Expense;
  readonly most: number;
  readonly kind: "agreed" | "muted";
  readonly show: (costUsd: number) => string;
}

function CostRow({ name, expense: { answers, tokens, costUsd }, most, kind, show }: CostRowProps) {
  return (
    <tr>
      <th scope="row">
        {name}
        <Meter share={answers / most} kind={kind} />
      </th>
      <td class="number">{showCount(answers)}</td>
      <td class="number">{tokens === undefined ? "unknown" : showCount(tokens)}</td>
      <td class="number">{costUsd === null ? "unknown" : show(costUsd)}</td>
    </tr>
  );
}

/** Spending of a run against each of its ceilings. */
export function Ceilings({ spending, isRunning }: { readonly spending: Spending; readonly isRunning: boolean }) {
  const { tokens, costUsd, timeMs, budget = {} } = spending;
  const show = dollarsAmong([costUsd, budget.costUsd ?? null]);
  const rows = [
    ["Dollars", costUsd, budget.costUsd, show],
    ["Tokens", tokens, budget.tokens, showCount],
    ["Time", timeMs, budget.timeMs, showElapsed],
  ] as const;
  const limited = rows.filter(([, , limit]) => limit !== undefined);
  if (limited.length === 0) return <p class="soft">No budget limits this run.</p>;
  return (
    <dl class="ceilings">
      {limited.map(([name, spent, limit = 0, show]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="number">
            <b>{spent === null ? "unknown" : show(spent)}</b> of {show(limit)}
          </dd>
          <dd aria-hidden="true">
            <Meter
              share={spent === null || limit === 0 ? 0 : spent / limit}
              kind={isOver(spent, limit) ? "other" : "agreed"}
            />
          </dd>
        </div>
      ))}
      {isRunning && <p class="soft">Of the answers that are there. Those in flight are not counted yet.</p>}
    </dl>
  );
}

function isOver(spent: number | null, limit: number): boolean {
  return spent !== null && spent > limit;
}

/** Shows amounts that stand together with the same digits: enough for the smallest of them. */
function dollarsAmong(amounts: readonly (number | null)[]): (costUsd: number) => string {
  const least = Math.min(...amounts.filter((amount) => amount !== null && amount > 0).map(Number));
  const digits = Number.isFinite(least) ? Math.min(9, Math.max(2, 2 - Math.floor(Math.log10(least)))) : 2;
  return (costUsd) => `$${costUsd.toFixed(digits)}`;
}
