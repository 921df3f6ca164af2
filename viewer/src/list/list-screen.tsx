import { useEffect, useMemo } from "preact/hooks";
import { counted, showCount } from "../../../src/cli/progress/format.ts";
import type { RunRow } from "../../../src/cli/view/viewer-data.ts";
import { noService } from "../data/api.ts";
import type { Source, Strip } from "../data/source.ts";
import { download } from "../parts.tsx";
import { changeQuery, place } from "../place.ts";
import type { Session } from "../review/session.ts";
import { toCsv, toJsonLines } from "./export.ts";
import { type Filters, filtered, filterNames, filtersIn, type Order, orders, statesOf } from "./filters.ts";
import { JobPanel } from "./job-panel.tsx";
import { Rows } from "./rows.tsx";
import { ServiceStrip } from "./service-strip.tsx";

interface ListProps {
  readonly source: Source;
  readonly session: Session | undefined;
}

/** Every run, filtered and ordered as the address says. */
export function ListScreen({ source, session }: ListProps) {
  const { page, service } = source;
  const rows = source.rows.value;
  const total = source.total.value;
  const usual = service ? "newest" : "unsure";
  const query = place.value.query;
  const filters = filtersIn(query, usual);
  const shown = useMemo(() => filtered(rows, filters), [rows, query.toString()]);
  const isFiltered = filterNames.some((name) => query.has(name));
  useEffect(() => {
    document.documentElement.dataset["screen"] = "runs";
  }, []);
  const name = page.file.replace(/^.*\//, "").replace(/\.jsonl$/, "") || "runs";
  return (
    <div class="list-screen">
      {service && <ServiceStrip strip={service.strip.value} />}
      <h1 class="unseen">Runs</h1>
      {page.report && <JobPanel page={page} report={page.report} rows={rows} session={session} />}
      <section class="runs" aria-label="Runs">
        <Toolbar rows={rows} filters={filters} usual={usual} isLive={service !== undefined} />
        <div class="list-head">
          <p role="status">
            {isFiltered ? `${showCount(shown.length)} of ${counted(rows.length, "run")}` : counted(rows.length, "run")}
            {total > rows.length && (
              <span class="soft">
                {" "}
                · this page holds the {showCount(rows.length)} that are least sure or failed, of {showCount(total)}
              </span>
            )}
          </p>
          <span class="actions">
            {isFiltered && (
              <button
                type="button"
                onClick={() => changeQuery(Object.fromEntries(filterNames.map((each) => [each, undefined])))}
              >
                Show all
              </button>
            )}
            <button
              type="button"
              onClick={() => download(`${name}.runs.jsonl`, toJsonLines(shown), "application/jsonl")}
            >
              JSONL
            </button>
            <button type="button" onClick={() => download(`${name}.runs.csv`, toCsv(shown), "text/csv")}>
              CSV
            </button>
          </span>
        </div>
        {shown.length === 0 ? (
          <p class="empty">{rows.length > 0 ? "No run fits the filters." : describeNone(service?.strip.value)}</p>
        ) : (
          <Rows rows={shown} service={service} />
        )}
      </section>
    </div>
  );
}

/** Says why there is no run: a service that does not answer may have some. */
function describeNone(strip: Strip | undefined): string {
  if (!strip || strip.isConnected) return "No run yet.";
  return strip.isConnected === undefined ? "Asking the service …" : noService;
}

interface ToolbarProps {
  readonly rows: readonly RunRow[];
  readonly filters: Filters;
  readonly usual: Order;
  readonly isLive: boolean;
}

function Toolbar({ rows, filters, usual, isLive }: ToolbarProps) {
  const tools = useMemo(() => [...new Set(rows.map(({ tool }) => tool))].sort(), [rows]);
  const states = useMemo(() => {
    const counts = new Map<string, number>();
    for (const row of rows) for (const state of statesOf(row)) counts.set(state, (counts.get(state) ?? 0) + 1);
    return [...counts];
  }, [rows]);
  const { query } = place.value;
  const set = (name: string) => (event: { readonly currentTarget: { readonly value: string } }) =>
    changeQuery({ [name]: event.currentTarget.value });
  return (
    <search class="toolbar">
      <label class="grow">
        <span class="unseen">Find in inputs and answers</span>
        <input type="search" placeholder="Find in inputs and answers" value={query.get("q") ?? ""} onInput={set("q")} />
      </label>
      {tools.length > 1 && (
        <label>
          <span>Tool</span>
          <select value={filters.tool} onChange={set("tool")}>
            <option value="">all</option>
            {tools.map((tool) => (
              <option key={tool} value={tool}>
                {tool}
              </option>
            ))}
          </select>
        </label>
      )}
      <label>
        <span>State</span>
        <select value={filters.state} onChange={set("state")}>
          <option value="">all</option>
          {filters.state !== "" && !states.some(([state]) => state === filters.state) && (
            <option value={filters.state}>{filters.state}</option>
          )}
          {states.map(([state, count]) => (
            <option key={state} value={state}>
              {state} ({showCount(count)})
            </option>
          ))}
        </select>
      </label>
      <fieldset class="range">
        <legend>Confidence</legend>
        <input
          type="number"
          min="0"
          max="1"
          step="0.05"
          aria-label="from"
          placeholder="0"
          value={query.get("from") ?? ""}
          onInput={set("from")}
        />
        <span aria-hidden="true">–</span>
        <input
          type="number"
          min="0"
          max="1"
          step="0.05"
          aria-label="below"
          placeholder="1"
          value={query.get("to") ?? ""}
          onInput={set("to")}
        />
      </fieldset>
      <label>
        <span>Order</span>
        <select
          value={filters.order}
          onChange={({ currentTarget: { value } }) => changeQuery({ order: value === usual ? undefined : value })}
        >
          {Object.entries(orders)
            .filter(([order]) => isLive || order !== "newest")
            .map(([order, words]) => (
              <option key={order} value={order}>
                {words}
              </option>
            ))}
        </select>
      </label>
    </search>
  );
}
