import type { RunRecord } from "../../store/store.ts";
import { toColumns } from "../progress/columns.ts";
import { counted, cut, showCount, showDuration, showOnLine } from "../progress/format.ts";
import { createTerminal, type Terminal } from "../progress/terminal.ts";
import { type StoreFlags, withStore } from "./open-managed-store.ts";
import { printJson } from "./print-json.ts";
import { showState } from "./show-state.ts";

/** What the command line says of a list. */
export interface ListFlags extends StoreFlags {
  readonly after?: string;
  readonly limit: number;
}

const longestKey = 60;

/** Prints the keys of a store, one page of them. */
export async function listKeys(flags: ListFlags): Promise<void> {
  const { after, limit } = flags;
  // One more than is shown tells whether there are others.
  const found = await withStore(flags, (store) => store.list({ after, limit: limit + 1 }));
  const records = found.slice(0, limit);
  if (flags.json) return printJson(records);
  const terminal = createTerminal(process.stdout);
  terminal.write(toTable(records, terminal));
  const last = records.at(-1);
  if (last && found.length > limit) terminal.write(`There are more: --after ${JSON.stringify(last.key)}\n`);
}

function toTable(records: readonly RunRecord[], { colors }: Terminal): string {
  const titles = ["key", "state", "replicates", "lease", "expires in", "owner"].map(colors.dim);
  const rows = records.map((record) => [
    colors.bold(cut(showOnLine(record.key), longestKey)),
    showState(record.state, colors),
    showCount(record.replicateCount),
    record.leaseEndsInMs > 0 ? showDuration(record.leaseEndsInMs) : "",
    record.expiresInMs > 0 ? showDuration(record.expiresInMs) : "swept soon",
    showOnLine(record.owner),
  ]);
  const table = records.length > 0 ? `${toColumns([titles, ...rows]).join("\n")}\n` : "";
  return `${table}${counted(records.length, "key")}\n`;
}
