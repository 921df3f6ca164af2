import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CalibrationStore } from "../../../../src/calibration/calibration-store.ts";
import type { StoredCalibration } from "../../../../src/calibration/stored-calibration.ts";
import { renderPage } from "../../../../src/cli/view/page/page.ts";
import type { EvidenceBundle } from "../../../../src/contract/bundle.ts";
import { labels } from "../../../calibration/labels.ts";
import { asRead, bundleOf } from "../../../support/bundle-of.ts";
import { chromiumPath, launchChromium } from "../../../support/chromium.ts";
import { attack, readHostileBundles } from "../hostile-bundles.ts";

const triaged = asRead(
  bundleOf(
    [
      { severity: "low", component: "editor" },
      { severity: "high", component: "editor" },
      { severity: "low", component: "editor" },
      undefined,
      { severity: "low", component: "editor" },
    ],
    { k: 10, tokens: 120, costUsd: 0.0004 },
  ),
);

describe.skipIf(!chromiumPath)("the page, in Chromium", () => {
  const folder = mkdtempSync(join(tmpdir(), "steer-page-"));
  let browser: Browser;
  let calibration: StoredCalibration | undefined;

  beforeAll(async () => {
    browser = await launchChromium();
    [calibration] = await new CalibrationStore({ path: join(folder, "calibrations") }).label(labels(60));
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  /** Opens the page of a bundle as a file, and notes whatever it asks for or complains of. */
  async function open(
    bundle: EvidenceBundle,
    options: Parameters<Browser["newPage"]>[0] & { input?: unknown } = {},
  ): Promise<{ page: Page; requests: string[]; complaints: string[] }> {
    const file = join(folder, "page.html");
    const { input, ...settings } = options;
    writeFileSync(file, renderPage({ bundle, place: "x", input }, calibration));
    const page = await browser.newPage(settings);
    const [requests, complaints]: [string[], string[]] = [[], []];
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(pathToFileURL(file).href);
    return { page, requests: requests.slice(1), complaints };
  }

  test("says what the answers agree on, where they differ, how far they are apart and what they took", async () => {
    const { page } = await open(triaged, { input: { report: "It crashes" } });
    const text = await page.locator("main").innerText();
    for (const shown of [
      '"severity": "low"',
      "/severity",
      "r1 r3 r5",
      "agreed by all",
      "5 of 10",
      "50.0 % fewer answers",
    ])
      expect(text).toContain(shown);
    expect(await page.locator("h2").allInnerTexts()).toEqual([
      "Consensus",
      "Votes",
      "Confidence as answers arrived",
      "Distance of the answers",
      "What confidence has meant",
      "Cost against a fixed K",
      "Answers",
      "Origin",
    ]);
    const map = page.getByRole("img", { name: "Distance of every two answers" });
    expect(await map.locator("rect:has(title)").count()).toBe(25);
    const trace = page.getByRole("img", { name: "Confidence after each answer" });
    // One answer says nothing of how sure it is.
    expect(await trace.locator("circle").count()).toBe(4);
    expect(await trace.locator("circle.invalid").count()).toBe(1);
    const curve = page.getByRole("img", { name: "Share of right answers by confidence" });
    expect(await curve.locator("circle.bin").count()).toBe(2);
  });

  test("an answer opens to the whole of it, by mouse and by keyboard, without a script", async () => {
    const { page } = await open(triaged, { javaScriptEnabled: false });
    const second = page.locator("details", { hasText: "r2" }).last();
    expect(await second.locator("pre").isVisible()).toBe(false);
    await second.locator("summary").press("Enter");
    expect(await second.locator("pre").innerText()).toContain('"severity": "high"');
  });

  test.each(readHostileBundles)("%s: asks for nothing, runs nothing, fits a phone", async (_, bundle) => {
    const { page, requests, complaints } = await open(bundle, {
      input: { attack },
      viewport: { width: 390, height: 800 },
    });
    expect({ requests, complaints }).toEqual({ requests: [], complaints: [] });
    expect(await page.locator("body").getAttribute("data-attacked")).toBeNull();
    expect(await page.locator("script, img, iframe, object, link, [onerror], [onload]").count()).toBe(0);
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
    expect(await page.locator("main section").count()).toBeGreaterThan(2);
    await page.close();
  });

  test("markup of models is shown as it was written", async () => {
    const [, bundle] = readHostileBundles.find(([name]) => name === "markup everywhere")!;
    const { page } = await open(bundle, { input: { report: attack } });
    expect(await page.locator("h1").innerText()).toContain("</script></style></title>");
    expect(await page.locator("code").first().innerText()).toContain("<img src=");
  });

  test.each(["light", "dark"] as const)("can be read in %s", async (colorScheme) => {
    const { page } = await open(triaged, { colorScheme });
    const colorsOf = (selector: string, property: "color" | "fill" | "backgroundColor") =>
      page.evaluate<string[]>(
        `[...document.querySelectorAll("${selector}")].map((element) => getComputedStyle(element).${property})`,
      );
    const [paper = ""] = await colorsOf("body", "backgroundColor");
    const written = await colorsOf("h1, h2, p, dt, dd, td, th, figcaption, summary, .facts", "color");
    const inks = [...written, ...(await colorsOf("text", "fill"))];
    expect(inks.length).toBeGreaterThan(50);
    expect(Math.min(...inks.map((ink) => contrast(ink, paper)))).toBeGreaterThan(4.5);
    expect(luminance(paper) < 0.5).toBe(colorScheme === "dark");
  });
});

/** Of two colours, from 1 to 21 (WCAG 2.2). */
function contrast(a: string, b: string): number {
  const [lighter, darker] = [luminance(a), luminance(b)].toSorted((x, y) => y - x) as [number, number];
  return (lighter + 0.05) / (darker + 0.05);
}

/** Of a colour as `rgb(r, g, b)`, from 0 to 1. */
function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = (color.match(/\d+/g) ?? []).map((channel) => {
    const share = Number(channel) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

test("the page of any bundle stays small enough to open", () => {
  for (const [, bundle] of readHostileBundles) {
    expect(renderPage({ bundle, place: "x" }, undefined).length).toBeLessThan(1_000_000);
  }
});
