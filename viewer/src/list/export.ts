import type { RunRow } from "../../../src/cli/view/viewer-data.ts";

const columns = [
  "id",
  "tool",
  "status",
  "accepted",
  "confidence",
  "input",
  "said",
  "votes",
  "answers",
  "k",
  "costUsd",
  "elapsedMs",
  "category",
  "startedAt",
] as const satisfies readonly (keyof RunRow)[];

export function toJsonLines(rows: readonly RunRow[]): string {
  return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
}

/** A table (RFC 4180). A cell that a spreadsheet would take for a formula begins with an apostrophe. */
export function toCsv(rows: readonly RunRow[]): string {
  const lines = rows.map((row) => columns.map((column) => quoted(row[column])).join(","));
  return `\ufeff${[columns.join(","), ...lines].join("\r\n")}\r\n`;
}

function quoted(value: unknown): string {
  if (typeof value !== "string") return value === undefined || value === null ? "" : String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
