import { percent } from "../evidence/table.ts";
import { type Coverage, labelCounts, precisions } from "./coverage.ts";

const colors = ["", "#c6dbef", "#6baed6", "#2166ac"];
const [left, width, row] = [290, 300, 30];

/** Coverage by signals and labels, and in hindsight: a panel for each precision. */
export function coveragePicture(all: readonly Coverage[]): string {
  const rows = all.filter(({ precision }) => precision === precisions[0]).length;
  const side = left + width + 40;
  const panels = precisions.map((precision, at) => {
    const own = all.filter((each) => each.precision === precision);
    const bars = own.map((coverage, index) => bar(coverage, index * row));
    const ticks = [0, 25, 50, 75, 100].map((tick) => {
      const x = left + (tick / 100) * width;
      return `<path d="M${x} -4V${rows * row}" stroke="#ddd"/><text x="${x}" y="${rows * row + 14}" text-anchor="middle" fill="#666">${tick} %</text>`;
    });
    return `<g transform="translate(10 ${at * (rows * row + 60) + 30})"><text y="-12" font-weight="bold">at least ${percent(precision, 0)} % right, with 90 % confidence</text>${ticks.join("")}
${bars.join("\n")}</g>`;
  });
  const height = precisions.length * (rows * row + 60) + 30;
  const legend = labelCounts.flatMap((count, at) =>
    count === 0
      ? []
      : `<rect x="${(at - 1) * 90}" width="10" height="10" fill="${colors[at]}"/><text x="${(at - 1) * 90 + 15}" y="9">${count} labels</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${height}" font-family="sans-serif" font-size="11">
<title>Accepted share of unlabelled answers, by signals and labels</title>
<rect width="100%" height="100%" fill="#fff"/>
${panels.join("\n")}
<g transform="translate(10 ${height - 22})">${legend.join("")}<path d="M275 -1V11" stroke="#b35806" stroke-width="2"/><text x="282" y="9">in hindsight</text><text x="365" y="9" fill="#666">verifiers and second models are simulated</text></g>
</svg>
`;
}

function bar({ signals, accepted, hindsight }: Coverage, y: number): string {
  const bars = labelCounts
    .map((count, at) => ({ count, at, share: accepted[at] as number }))
    .filter(({ count }) => count > 0)
    .map(({ at, share }, place) => {
      const top = y + 3 + place * 7;
      return `<rect x="${left}" y="${top}" width="${(share * width).toFixed(1)}" height="6" fill="${colors[at]}"/>`;
    });
  const x = (left + hindsight * width).toFixed(1);
  return `<text x="${left - 8}" y="${y + 17}" text-anchor="end">${signals}</text>${bars.join("")}<path d="M${x} ${y + 1}V${y + 26}" stroke="#b35806" stroke-width="2"/>`;
}
