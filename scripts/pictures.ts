/**
 * Takes the pictures of the docs anew, after `npm run build`: the pages that examples write, as Chromium shows them.
 *
 *     npm run pictures
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { launchChromium } from "../test/support/chromium.ts";

const width = 1_000;
const pictures = [
  { example: "examples/report.sh", name: "job-report", height: 1_180 },
  { example: "examples/eval.sh", name: "evaluation", height: 1_180 },
  { example: "examples/right.sh", name: "accepted-set", height: 1_180 },
];

const folder = mkdtempSync(join(tmpdir(), "steer-pictures-"));
const browser = await launchChromium();
try {
  for (const { example, name, height } of pictures) {
    const page = join(folder, `${name}.html`);
    execFileSync("sh", [example, "--html", page], { stdio: ["ignore", "ignore", "inherit"] });
    const tab = await browser.newPage({ viewport: { width, height }, colorScheme: "light" });
    await tab.goto(pathToFileURL(page).href);
    await tab.screenshot({ path: `docs/pictures/${name}.png` });
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
