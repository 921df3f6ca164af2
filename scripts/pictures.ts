/**
 * Takes the pictures of the docs anew, after `npm run build`: the report of the demo's job, as Chromium shows it.
 *
 *     npm run pictures
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { launchChromium } from "../test/support/chromium.ts";

const viewport = { width: 1_000, height: 1_180 };

const folder = mkdtempSync(join(tmpdir(), "steer-pictures-"));
const browser = await launchChromium();
try {
  const page = join(folder, "report.html");
  execFileSync("sh", ["examples/report.sh", "--html", page], { stdio: ["ignore", "ignore", "inherit"] });
  const tab = await browser.newPage({ viewport, colorScheme: "light" });
  await tab.goto(pathToFileURL(page).href);
  await tab.screenshot({ path: "docs/pictures/job-report.png" });
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
