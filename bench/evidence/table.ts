export type Cell = string | number;

/** A table of results. */
export interface Table {
  readonly title: string;
  /** How to read it, where the columns do not say. */
  readonly note?: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** A table in Markdown, its columns aligned for a terminal. */
export function renderTable({ title, note, columns, rows }: Table): string {
  const lines = [columns.map(String), columns.map(() => "---"), ...rows.map((row) => row.map(String))];
  const widths = columns.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)));
  const body = lines.map((line) => `| ${line.map((cell, at) => cell.padEnd(widths[at] as number)).join(" | ")} |`);
  return [`### ${title}`, ...(note ? [note] : []), body.join("\n")].join("\n\n");
}

export function percent(share: number, digits = 2): string {
  return (100 * share).toFixed(digits);
}

/** A change in percentage points, with its sign. */
export function points(change: number, digits = 2): string {
  const shown = (100 * change).toFixed(digits);
  return change > 0 && Number(shown) !== 0 ? `+${shown}` : shown;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
