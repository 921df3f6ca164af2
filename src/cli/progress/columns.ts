import { stripVTControlCharacters } from "node:util";

/** Rows of cells under each other. A cell keeps its colours; the last column is not filled up. */
export function toColumns(rows: readonly (readonly string[])[], gap = 2): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, visibleLength(cell));
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell + " ".repeat((widths[column] as number) - visibleLength(cell)))
      .join(" ".repeat(gap))
      .trimEnd(),
  );
}

function visibleLength(text: string): number {
  return stripVTControlCharacters(text).length;
}
