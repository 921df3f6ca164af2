/**
 * Takes the pictures of the docs anew, after `npm run build`: the pages that examples write, as Chromium shows them.
 *
 *     npm run pictures
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";
import { launchChromium } from "../test/support/chromium.ts";

/** A page of an example, where in it, and what is pressed there. */
interface Picture {
  readonly example: string;
  readonly name: string;
  readonly height: number;
  readonly width?: number;
  readonly at?: string;
  readonly keys?: readonly string[];
  readonly colorScheme?: "dark";
}

const width = 1_280;
const pictures: readonly Picture[] = [
  { example: "examples/report.sh", name: "job-report", height: 900 },
  { example: "examples/eval.sh", name: "evaluation", height: 1_180, width: 1_000 },
  { example: "examples/right.sh", name: "accepted-set", height: 900 },
  { example: "examples/right.sh", name: "viewer-run", height: 1_180, at: "#/run/112" },
  {
    example: "examples/right.sh",
    name: "viewer-review",
    height: 900,
    at: "#/review?draw=least-sure&seed=1",
    keys: ["w", "w", "r", "w"],
    colorScheme: "dark",
  },
];

const folder = mkdtempSync(join(tmpdir(), "steer-pictures-"));
const browser = await launchChromium();
try {
  await takeLive();
  const written = new Set<string>();
  for (const { example, name, height, at = "", keys = [], colorScheme = "light", ...size } of pictures) {
    const page = join(folder, `${basename(example)}.html`);
    if (!written.has(page)) execFileSync("sh", [example, "--html", page], { stdio: ["ignore", "ignore", "inherit"] });
    written.add(page);
    const tab = await browser.newPage({ viewport: { width, height, ...size }, colorScheme });
    await tab.goto(pathToFileURL(page).href + at);
    await tab.waitForSelector("h1");
    for (const key of keys) {
      await tab.keyboard.press(key);
      await tab.waitForTimeout(300);
    }
    await tab.waitForTimeout(300);
    await tab.screenshot({ path: `docs/pictures/${name}.png` });
    await tab.close();
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}

/** The list of a service that replays the demo, once some runs have ended. */
async function takeLive(): Promise<void> {
  const flags = ["serve", "--demo", "--port", "0"];
  const service = spawn(process.execPath, ["dist/cli/main.js", ...flags], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = (await once(service.stdout, "data")) as [Buffer];
    const [url] = /http:\S+\d/.exec(line.toString()) as RegExpExecArray;
    const tab = await browser.newPage({ viewport: { width, height: 760 }, colorScheme: "light" });
    await tab.goto(url);
    await tab.locator(".body .row", { hasText: "completed" }).nth(9).waitFor();
    await tab.waitForTimeout(500);
    await tab.screenshot({ path: "docs/pictures/viewer-live.png" });
    await tab.close();
  } finally {
    service.kill();
  }
}
