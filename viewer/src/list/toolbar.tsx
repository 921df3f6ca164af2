import { useMemo } from "preact/hooks";
import { showCount } from "../../../src/cli/progress/format.ts";
import type { RunRow } from "../../../src/cli/view/viewer-data.ts";
import { cutLine } from "../parts.tsx";
import { changeQuery, place, type QueryChange } from "../place.ts";
import { type Filters, filterNames, type Order, orders, statesOf } from "./filters.ts";

interface ToolbarProps {
  readonly rows: readonly RunRow[];
  readonly filters: Filters;
  readonly usual: Order;
  readonly isLive: boolean;
}

/** Fields that set the filters and the order in the address. */
export function Toolbar({ rows, filters, usual, isLive }: ToolbarProps) {
  const tools = useMemo(() => [...new Set(rows.map(({ tool }) => tool))].filter((tool) => tool !== "").sort(), [rows]);
  const states = useMemo(() => {
    const counts = new Map<string, number>();
    for (const row of rows) for (const state of statesOf(row)) counts.set(state, (counts.get(state) ?? 0) + 1);
    // One of them alone says the same.
    if (!counts.has("rejected") || !counts.has("failed")) counts.delete("unanswered");
    return [...counts];
  }, [rows]);
  const { query } = place.value;
  const set = (name: string) => (event: { readonly currentTarget: { readonly value: string } }) =>
    changeQuery({ [name]: event.currentTarget.value });
  return (
    <search class="toolbar">
      <label class="grow">
        <span class="unseen">Find in inputs and answers</span>
        <input type="search" placeholder="Find a text" value={query.get("q") ?? ""} onInput={set("q")} />
      </label>
      {(tools.length > 1 || filters.tool !== "") && (
        <label>
          <span>Tool</span>
          <select value={filters.tool} onChange={set("tool")}>
            <option value="">all</option>
            {[...new Set([...tools, ...(filters.tool === "" ? [] : [filters.tool])])].map((tool) => (
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
            .filter(([order]) => order !== (isLive ? "line" : "newest"))
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

/** Filters that are set, by name; a press takes one away. */
export function Chips({ filters }: { readonly filters: Filters }) {
  const chips = chipsOf(filters);
  if (chips.length === 0) return null;
  return (
    <ul class="chips" aria-label="Filters">
      {chips.map(([name, value, change]) => (
        <li key={name}>
          <button type="button" aria-label={`Remove filter: ${name} ${value}`} onClick={() => changeQuery(change)}>
            <span class="soft">{name}</span> <b class="said">{value}</b> <span aria-hidden="true">×</span>
          </button>
        </li>
      ))}
      {chips.length > 1 && (
        <li>
          <button
            type="button"
            class="plain"
            onClick={() => changeQuery(Object.fromEntries(filterNames.map((name) => [name, undefined])))}
          >
            Remove all
          </button>
        </li>
      )}
    </ul>
  );
}

function chipsOf({ text, tool, state, from, to, field, category }: Filters) {
  const chips: (readonly [name: string, value: string, change: QueryChange])[] = [];
  const add = (name: string, value: string, ...names: readonly string[]) => {
    if (value !== "")
      chips.push([name, cutLine(value, 60), Object.fromEntries(names.map((each) => [each, undefined]))]);
  };
  add("text", text, "q");
  add("tool", tool, "tool");
  add("state", state, "state");
  const range =
    from !== undefined && to !== undefined
      ? `${from} to ${to}`
      : from !== undefined
        ? `${from} or more`
        : to !== undefined
          ? `below ${to}`
          : "";
  add("confidence", range, "from", "to");
  add("answers differ in", field, "field");
  add("failure", category, "category");
  return chips;
}
