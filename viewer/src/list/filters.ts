import type { RunRow } from "../../../src/cli/view/viewer-data.ts";

/** Rows that are wanted, and their order, as the address says. */
export interface Filters {
  readonly text: string;
  readonly tool: string;
  /** A status, or one of `retrying`, `unanswered`, `accepted`, `review`, `refused`. */
  readonly state: string;
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly field: string;
  readonly category: string;
  readonly order: Order;
}

export const orders = {
  unsure: "least sure first",
  surest: "surest first",
  line: "as in the file",
  newest: "newest first",
  slowest: "slowest first",
  dearest: "dearest first",
} as const;
export type Order = keyof typeof orders;

/** @param usual order where the address names none */
export function filtersIn(query: URLSearchParams, usual: Order): Filters {
  const text = (name: string) => query.get(name) ?? "";
  const share = (name: string) => {
    const value = Number.parseFloat(text(name));
    return value >= 0 && value <= 1 ? value : undefined;
  };
  const order = text("order");
  return {
    text: text("q").toLowerCase(),
    tool: text("tool"),
    state: text("state"),
    from: share("from"),
    to: share("to"),
    field: text("field"),
    category: text("category"),
    order: Object.hasOwn(orders, order) ? (order as Order) : usual,
  };
}

/** Names in the address that filter; the order is none of them. */
export const filterNames = ["q", "tool", "state", "from", "to", "field", "category"] as const;

export function filtered(rows: readonly RunRow[], filters: Filters): readonly RunRow[] {
  const wanted = rows.filter((row) => isWanted(row, filters));
  const by = ranks[filters.order];
  return by
    ? wanted
        .map((row) => ({ row, rank: by(row) }))
        .sort((a, b) => a.rank - b.rank)
        .map(({ row }) => row)
    : wanted;
}

/** True where the filters look at what runs say: at their inputs, their answers and their failures. */
export function searchesTexts({ text, field, category }: Filters): boolean {
  return text !== "" || field !== "" || category !== "";
}

/** The filters without those that look at what runs say. */
export function withoutTexts(filters: Filters): Filters {
  return { ...filters, text: "", field: "", category: "" };
}

function isWanted(row: RunRow, { text, tool, state, from, to, field, category }: Filters): boolean {
  if (tool !== "" && row.tool !== tool) return false;
  if (state !== "" && !statesOf(row).includes(state)) return false;
  if (from !== undefined && !((row.confidence ?? -1) >= from)) return false;
  // The last step of a histogram holds what is quite sure.
  if (to !== undefined && !(row.confidence !== undefined && (row.confidence < to || to === 1))) return false;
  if (field !== "" && !row.contested?.includes(field)) return false;
  if (category !== "" && row.category !== category) return false;
  return text === "" || `${row.id} ${row.input} ${row.said}`.toLowerCase().includes(text);
}

/** States by which a row is found; `unanswered` covers the failed and the rejected. */
export function statesOf({ status, isRetrying, accepted }: RunRow): string[] {
  const verdict =
    accepted === undefined ? [] : [accepted === true ? "accepted" : accepted === false ? "refused" : "review"];
  const isUnanswered = status === "failed" || status === "rejected";
  return [status, ...(isRetrying ? ["retrying"] : []), ...(isUnanswered ? ["unanswered"] : []), ...verdict];
}

const ranks: Readonly<Record<Order, ((row: RunRow) => number) | undefined>> = {
  unsure: ({ confidence, status }) => confidence ?? (status === "failed" || status === "rejected" ? -1 : 2),
  surest: ({ confidence }) => -(confidence ?? -1),
  line: undefined,
  newest: ({ startedAt }) => (startedAt === undefined ? 0 : -Date.parse(startedAt)),
  slowest: ({ elapsedMs }) => -(elapsedMs ?? 0),
  dearest: ({ costUsd }) => -(costUsd ?? 0),
};
