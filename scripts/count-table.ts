/** How often things happened, a line each, by name. */
export function countTable(counts: Readonly<Record<string, number>>): string {
  const rows = Object.entries(counts).toSorted(([a], [b]) => a.localeCompare(b));
  return rows.map(([name, count]) => `${String(count).padStart(9)}  ${name}`).join("\n");
}
