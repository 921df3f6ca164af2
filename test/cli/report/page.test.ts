import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { JobFacts } from "../../../src/cli/report/job-facts.ts";
import { renderReport } from "../../../src/cli/report/page.ts";
import { bundleOf } from "../../support/bundle-of.ts";
import { chromiumPath, launchChromium } from "../../support/chromium.ts";
import { attack, readHostileBundles } from "../view/hostile-bundles.ts";
import { answeredLine, failedLine, rejectedLine } from "./job-lines.ts";

const onPage = { leastSure: 500, failed: 10_000 };

function pageOf(lines: Iterable<any>, file = "out.jsonl"): string {
  const facts = new JobFacts(onPage);
  let place = 0;
  for (const line of lines) facts.add(line, ++place);
  const { failedInputs } = facts;
  const none = { calibration: undefined, acceptance: undefined };
  return renderReport({ file, isCutShort: false, report: facts.report(), failedInputs, ...none });
}

const outcomes = [5, 4, 3].map((low) =>
  bundleOf(
    Array.from({ length: 5 }, (_, at) => ({ severity: at < low ? "low" : "high", team: "core" })),
    { k: 7, tokens: 100, costUsd: 0.001 },
  ),
);

/** Every seventh input fails. */
function* job(count: number) {
  const answered = outcomes.map((bundle) => answeredLine(0, bundle));
  const failed = [failedLine(0, "rate_limit", "HTTP 429"), rejectedLine(0, "Time budget exceeded: limit 10 ms")];
  for (let index = 0; index < count; index++) {
    const line = index % 7 === 6 ? failed[index % 2] : answered[index % 3];
    const input = { id: `bug-${index}`, report: `report ${index}: saving a file crashes the editor` };
    yield { ...line, index, input };
  }
}

describe.skipIf(!chromiumPath)("the page of a job, in Chromium", () => {
  const folder = mkdtempSync(join(tmpdir(), "steer-report-"));
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  /** Opens a page as a file; notes what it asks for or complains of, and which tasks are long. */
  async function open(html: string, options: Parameters<Browser["newPage"]>[0] = {}) {
    const file = join(folder, "page.html");
    writeFileSync(file, html);
    const page = await browser.newPage(options);
    const [requests, complaints]: [string[], string[]] = [[], []];
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.addInitScript(
      "globalThis.longTasks = []; new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((e) => e.duration))).observe({ entryTypes: ['longtask'] });",
    );
    await page.goto(pathToFileURL(file).href);
    return { page, requests: requests.slice(1), complaints };
  }

  test("tells how sure, the least sure with their votes, what is contested, what failed and what it cost", async () => {
    const { page } = await open(pageOf(job(70)));
    expect(await page.locator("h1, h2:not(.unseen)").allInnerTexts()).toEqual([
      "triage",
      "How sure",
      "Least sure",
      "Most contested fields",
      "Without an answer",
      "Cost against a fixed K",
      "Origin",
    ]);
    const text = await page.locator("main").innerText();
    for (const shown of [
      "10 without an answer",
      "/severity low 3, high 2",
      "40 of 60",
      "Lower --concurrency",
      "always 7",
    ])
      expect(text).toContain(shown);
    expect(await page.getByRole("img", { name: "Inputs by confidence" }).locator("rect").count()).toBe(3);
    await page.close();
  });

  test("turns the pages of a list by mouse and by keyboard, and says which one is shown", async () => {
    const { page } = await open(pageOf(job(70)));
    const list = page.getByRole("navigation", { name: "Pages of the least sure" });
    const first = await page.locator(".unsure b").allInnerTexts();
    await list.getByRole("button", { name: "Next" }).click();
    const second = await page.locator(".unsure b").allInnerTexts();
    expect(second).toHaveLength(10);
    expect(second.filter((line) => first.includes(line))).toEqual([]);
    expect(await list.getByRole("status").innerText()).toBe("Page 2 of 6");
    await list.getByRole("button", { name: "Back" }).press("Enter");
    expect(await page.locator(".unsure b").allInnerTexts()).toEqual(first);
    await list.getByRole("spinbutton", { name: /Page/ }).fill("99");
    await list.getByRole("spinbutton").press("Enter");
    expect(await list.getByRole("status").innerText()).toBe("Page 6 of 6");
    await page.locator(".unsure summary").first().press("Enter");
    expect(await page.locator(".unsure[open] code").last().innerText()).toMatch(/steer view out.jsonl --line \d+/);
    await page.close();
  });

  test("shows the first rows without a script, and says that there are more", async () => {
    const { page } = await open(pageOf(job(70)), { javaScriptEnabled: false });
    expect(await page.locator(".unsure").count()).toBe(10);
    expect(await page.locator("nav").first().isVisible()).toBe(false);
    await page.close();
  });

  test.each([400, 1600])("asks for nothing, runs nothing of an answer and fits %i px", async (width) => {
    const hostile = readHostileBundles.map(([, bundle], index) =>
      answeredLine(index, bundle, { input: { [attack]: attack, more: "x".repeat(5_000) } }),
    );
    const failures = Array.from({ length: 60 }, (_, index) =>
      failedLine(index, attack, `${attack}<!-- ${index} <script>`),
    );
    const lines = [...hostile, ...hostile, ...failures];
    const { page, requests, complaints } = await open(pageOf(lines, attack), { viewport: { width, height: 800 } });
    await page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })");
    for (const button of await page.getByRole("button", { name: "Next" }).all()) await button.click();
    expect({ requests, complaints }).toEqual({ requests: [], complaints: [] });
    expect(await page.locator("body").getAttribute("data-attacked")).toBeNull();
    expect(await page.locator("script:not([type]), img, iframe, object, link, [onerror], [onload]").count()).toBe(1);
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0);
    expect(await page.locator(".failed").last().innerText()).toContain("<!-- 59 <script>");
    await page.close();
  });

  test("of 100,000 inputs opens within 2 s, without a task above 200 ms", async () => {
    const html = pageOf(job(100_000));
    expect(html.length).toBeLessThan(6_000_000);
    const tries: { openedMs: number; longestMs: number }[] = [];
    // A busy machine makes any page slow at times: the best of a few is the page's own.
    for (let attempt = 0; attempt < 4 && !tries.some(isFast); attempt++) {
      const { page } = await open(html);
      const openedMs = await page.evaluate<number>("performance.getEntriesByType('navigation')[0].loadEventEnd");
      const longestMs = await page.evaluate<number>("Math.max(0, ...longTasks)");
      tries.push({ openedMs, longestMs });
      await page.close();
    }
    expect(tries.some(isFast), JSON.stringify(tries)).toBe(true);
  });
});

function isFast({ openedMs, longestMs }: { openedMs: number; longestMs: number }): boolean {
  return openedMs < 2_000 && longestMs < 200;
}
