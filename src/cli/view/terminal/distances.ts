import type { EvidenceBundle } from "../../../contract/bundle.ts";
import { counted } from "../../progress/format.ts";
import { distanceMap } from "../facts/distance-map.ts";
import type { Paper } from "./paper.ts";

const mostEntries = 30;
/** From equal to different. */
const shades = ["·", "░", "▒", "▓", "█"];

/** A square for every two answers; those that voted alike stand together. */
export function showDistances(bundle: EvidenceBundle, { colors, columns }: Paper): string[] {
  if (bundle.summary.validCount < 2) return [];
  if (bundle.summary.disagreements.length === 0) return ["All answers are equal."];
  const { entries, cells, perEntry } = distanceMap(bundle, Math.min(mostEntries, Math.floor((columns - 14) / 2)));
  const labels = entries.map(({ ids }) => (perEntry === 1 ? (ids[0] ?? "") : ""));
  const labelColumns = Math.max(...labels.map(({ length }) => length));
  const rows = entries.map(({ isValid }, row) => {
    const label = (labels[row] ?? "").padEnd(labelColumns);
    return `${isValid ? label : colors.red(label)}  ${(cells[row] ?? []).map((distance) => cell(distance, colors)).join("")}`;
  });
  const each = perEntry > 1 ? `, each square the mean of ${counted(perEntry, "answer")} by ${perEntry}` : "";
  return [...rows, colors.dim(`${" ".repeat(labelColumns)}  0 ${shades.join(" ")} 1${each}`)];
}

function cell(distance: number | null, colors: Paper["colors"]): string {
  if (distance === null) return colors.dim("  ");
  const shade = shades[Math.ceil(distance * (shades.length - 1))] as string;
  if (distance === 0) return colors.dim(`${shade} `);
  return distance > 0.5 ? colors.red(shade.repeat(2)) : colors.yellow(shade.repeat(2));
}
