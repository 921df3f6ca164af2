import type { StoredCalibration } from "../../../calibration/stored-calibration.ts";
import { showOnLine } from "../../progress/format.ts";
import { fixedKCost } from "../facts/fixed-k-cost.ts";
import type { OpenedBundle } from "../open-bundle.ts";
import { answerList } from "./answer-list.ts";
import { calibrationChart } from "./calibration-chart.ts";
import { costBars } from "./cost-bars.ts";
import { headline } from "./headline.ts";
import { heatMap } from "./heat-map.ts";
import { type Html, html } from "./html.ts";
import { originList } from "./origin-list.ts";
import { style } from "./style.ts";
import { traceChart } from "./trace-chart.ts";
import { voteBlocks } from "./vote-blocks.ts";

/** Even where something slipped through, a browser would load and run nothing. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** A bundle as one page of HTML that needs no network and runs no script. */
export function renderPage(opened: OpenedBundle, calibration: StoredCalibration | undefined): string {
  const { bundle } = opened;
  const { validCount } = bundle.summary;
  const cost = fixedKCost(bundle);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${showOnLine(bundle.meta.task)}: evidence</title>
<style>${style}</style>
</head>
<body>
<main>
${headline(opened)}
${validCount > 0 && section("Votes", voteBlocks(bundle))}
<div class="pair">
${validCount > 0 && section("Confidence as answers arrived", traceChart(bundle))}
${validCount > 1 && section("Distance of the answers", heatMap(bundle))}
</div>
${calibration && section("What confidence has meant", calibrationChart(calibration, bundle.summary))}
${cost && section("Cost against a fixed K", costBars(cost))}
${section("Answers", answerList(bundle))}
${section("Origin", originList(bundle))}
</main>
</body>
</html>
`;
  return page.text;
}

function section(title: string, content: Html): Html {
  return html`<section><h2>${title}</h2>${content}</section>`;
}
