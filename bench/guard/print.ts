/** One line a contender, its figures side by side with their ratio to the one of the name `floor`. */
export function print(title: string, figures: Readonly<Record<string, Record<string, number>>>, floor = "bare"): void {
  const lines: Record<string, Record<string, string>> = {};
  for (const [figure, values] of Object.entries(figures))
    for (const [name, value] of Object.entries(values)) {
      const ratio = values[floor] ? ` (${(value / values[floor]).toFixed(1)}x)` : "";
      lines[name] = { ...lines[name], [figure]: value.toFixed(2) + ratio };
    }
  console.log(`\n${title}`);
  console.table(lines);
}
