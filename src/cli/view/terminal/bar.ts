const eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of so many columns for the whole, to an eighth of a column; what is there is never drawn as nothing. */
export function bar(share: number, columns: number): string {
  const length = Math.round(Math.max(0, Math.min(1, share)) * columns * 8);
  const shown = share > 0 ? Math.max(1, length) : 0;
  return "█".repeat(Math.floor(shown / 8)) + (eighths[shown % 8] as string);
}
