import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import axe from "axe-core";
import fc from "fast-check";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { acceptanceSignalsOf } from "../../src/calibration/job-acceptance.ts";
import { looksOf } from "../../src/cli/accept/acceptance.ts";
import { toAnswer } from "../../src/cli/label/answer.ts";
import { keyOf } from "../../src/cli/label/labels.ts";
import { labelsNeeded } from "../../src/evidence/certify.ts";
import { hash } from "../../viewer/src/data/sha256.ts";
import { toCsv } from "../../viewer/src/list/export.ts";
import { Session } from "../../viewer/src/review/session.ts";
import { steerHere } from "../cli/in-process.ts";
import { answeredLine, failedLine, fileOf, rejectedLine } from "../cli/report/job-lines.ts";
import { attack, readHostileBundles } from "../cli/view/hostile-bundles.ts";
import { asRead, bundleOf } from "../support/bundle-of.ts";
import { chromiumPath, launchChromium } from "../support/chromium.ts";

const triaged = asRead(
  bundleOf(
    [
      { severity: "low", component: "editor" },
      { severity: "high", component: "editor" },
      { severity: "low", component: "editor" },
      undefined,
      { severity: "low", component: "editor" },
    ],
    { k: 10, tokens: 120, costUsd: 0.0004, earlyStopReason: "horizon after 5 of 10" },
  ),
);

/** Of seven inputs, one fails; the others are less and more sure. */
function job(count: number): any[] {
  const outcomes = [5, 4, 3].map((low) =>
    bundleOf(
      Array.from({ length: 5 }, (_, at) => ({ severity: at < low ? "low" : "high", team: "core" })),
      { k: 7, tokens: 100, costUsd: 0.001 },
    ),
  );
  return Array.from({ length: count }, (_, index) => {
    const input = { id: `bug-${index}`, report: `report ${index}: saving a file crashes the editor` };
    if (index % 14 === 6) return { ...failedLine(index, "rate_limit", "HTTP 429"), input };
    if (index % 14 === 13) return { ...rejectedLine(index, "Time budget exceeded: limit 10 ms"), input };
    return answeredLine(index, outcomes[index % 3]!, { input });
  });
}

describe.skipIf(!chromiumPath)("the viewer over a file, in Chromium", () => {
  const folder = mkdtempSync(join(tmpdir(), "steer-viewer-"));
  let browser: Browser;
  let page: Page;
  let [requests, complaints]: [string[], string[]] = [[], []];

  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterEach(() => page?.close());
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  /** Writes a page as users do, and opens it as a file; notes what it asks for and complains of. */
  async function open(
    lines: readonly unknown[],
    { at = "", command = ["report"], ...options }: OpenOptions = {},
  ): Promise<void> {
    writeFileSync(join(folder, "out.jsonl"), fileOf(lines));
    const { code, stderr } = await steerHere([...command, "out.jsonl", "--html", "page.html"], { cwd: folder });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    page = await browser.newPage({ viewport: { width: 1_200, height: 900 }, ...options });
    [requests, complaints] = [[], []];
    page.on("request", (request) => requests.push(request.url()));
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(pathToFileURL(join(folder, "page.html")).href + at);
    if (options.javaScriptEnabled !== false) await page.waitForSelector("main h1");
  }
  type OpenOptions = Parameters<Browser["newPage"]>[0] & { readonly at?: string; readonly command?: readonly string[] };

  /** Texts of the elements. */
  const textsOf = (selector: string) => page.locator(selector).allInnerTexts();

  test("tells how sure, what is contested, what failed and what to do, and what it cost; the runs least sure first", async () => {
    await open(job(70));
    expect(await textsOf("aside h2")).toEqual([
      "How sure",
      "Most contested fields\ninputs that differ",
      "Without an answer",
      "Cost against a fixed K",
      "Origin",
    ]);
    const text = await page.locator("main").innerText();
    for (const shown of ["10 without an answer", "40 of 60", "always 7", "70 runs"]) expect(text).toContain(shown);
    await page.locator("summary", { hasText: "rate_limit" }).click();
    expect(await page.locator(".failure").first().innerText()).toContain("Lower --concurrency");
    const rows = await textsOf(".body .row");
    await page.getByRole("link", { name: "10 without an answer" }).click();
    expect(await page.locator(".list-head [role=status]").innerText()).toBe("10 of 70 runs");
    expect(rows[0]).toContain("rate_limit");
    expect(rows[10]).toContain("/severity low 3, high 2");
  });

  test("keeps what is shown in the address: filters, order, the run, the answer that is judged", async () => {
    await open(job(70));
    await page
      .getByRole("link", { name: /: 20 inputs$/ })
      .first()
      .click();
    const address = page.url();
    expect(await page.locator(".list-head [role=status]").innerText()).toBe("20 of 70 runs");
    await page.getByRole("searchbox").fill("report 1:");
    await page.getByLabel("Order").selectOption("line");
    expect(new URLSearchParams(page.url().split("?")[1]).get("order")).toBe("line");
    await page.goto("about:blank");
    await page.goto(address);
    await page.waitForSelector("main h1");
    expect(await page.locator(".list-head [role=status]").innerText()).toBe("20 of 70 runs");
    await page.goBack();
  });

  test("goes from run to run and back by keys alone", async () => {
    await open(job(70), { at: "#/runs?order=line" });
    for (const key of ["j", "j", "ArrowDown", "k"]) await page.keyboard.press(key);
    await page.keyboard.press("Enter");
    await page.waitForSelector("h1:has-text('bug-1')");
    await page.keyboard.press("n");
    await page.waitForSelector("h1:has-text('bug-2')");
    await page.keyboard.press("p");
    await page.keyboard.press("Escape");
    await page.waitForSelector(".body .row");
    expect(page.url()).toContain("#/runs?order=line");
  });

  test("comes back to the row that it left, by Esc and by Back, where the list was scrolled to", async () => {
    await open(job(70), { at: "#/runs?order=line" });
    await page.evaluate("scrollTo(0, 1400)");
    await page.locator("[data-at='24'] a").click();
    await page.waitForSelector("h1:has-text('bug-24')");
    expect(await page.evaluate("[scrollY, document.activeElement.id]")).toEqual([0, "content"]);
    await page.keyboard.press("Escape");
    await page.locator("[data-at='24'] a:focus").waitFor();
    expect(await page.evaluate("scrollY")).toBe(1400);
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.waitForSelector("h1:has-text('bug-25')");
    await page.goBack();
    await page.locator("[data-at='25'] a:focus").waitFor();
    expect(await page.evaluate("scrollY")).toBe(1400);
  });

  test("names each filter that is set, and takes one away at a press", async () => {
    await open(job(70), { at: "#/runs?category=rate_limit&to=0.5&q=report" });
    const chips = page.getByRole("list", { name: "Filters" });
    expect(await chips.getByRole("button", { name: /^Remove filter/ }).allInnerTexts()).toEqual([
      "text report ×",
      "confidence below 0.5 ×",
      "failure rate_limit ×",
    ]);
    await chips.getByRole("button", { name: "Remove filter: confidence below 0.5" }).click();
    expect(page.url()).toMatch(/#\/runs\?category=rate_limit&q=report$/);
    await chips.getByRole("button", { name: "Remove all" }).click();
    expect(page.url()).toMatch(/#\/runs$/);
    expect(await chips.count()).toBe(0);
  });

  test("shows the job in short beside the runs once the window is wide enough", async () => {
    await open(job(28), { viewport: { width: 900, height: 900 } });
    const panel = page.getByRole("heading", { name: "How sure" });
    expect(await panel.isVisible()).toBe(false);
    await page.setViewportSize({ width: 1_600, height: 900 });
    await panel.waitFor();
  });

  test("says what the answers agree on, who said what, why it stopped, how far they are apart and what they took", async () => {
    await open([answeredLine(0, triaged, { input: { report: "It crashes" } })], { at: "#/run/1" });
    await page.waitForSelector(".consensus");
    const text = await page.locator("main").innerText();
    expect(await page.locator(".consensus .reading").innerText()).toMatch(/severity\s+low\s+component\s+editor/);
    for (const shown of ["/severity", "r1 r3 r5", "agreed by all", "5 of 10", "50.0 % fewer answers"])
      expect(text).toContain(shown);
    expect(text).toMatch(
      /Stopped here because the answers left are very unlikely to change the consensus\s+horizon after 5 of 10/,
    );
    expect((await textsOf("main h2")).map((title) => title.split("\n")[0])).toEqual([
      "Consensus",
      "Votes",
      "Whole answers",
      "As answers arrived",
      "Cost against budget and fixed K",
      "Timeline",
      "Distance of the answers",
      "Origin",
    ]);
    expect(await page.locator(".field-bar").first().getAttribute("aria-label")).toBe(
      "low 3, high 1, no vote 1, open 5",
    );
    expect(
      await page.getByRole("img", { name: "Distance of every two answers" }).locator("rect:has(title)").count(),
    ).toBe(25);
    const trace = page.getByRole("img", { name: /^Confidence and stability after each answer/ });
    // One answer says nothing of how sure it is.
    expect(await trace.locator("circle").count()).toBe(4);
    expect(await trace.locator("circle.invalid").count()).toBe(1);
    const second = page.locator(".timeline details", { hasText: "r2" });
    expect(await second.locator("pre").first().isVisible()).toBe(false);
    await second.locator("summary").press("Enter");
    expect(await second.innerText()).toMatch(
      /Request[\s\S]*"report": "It crashes"[\s\S]*Response[\s\S]*"severity": "high"/,
    );
  });

  test("claims a saving only where a stopping rule ended the run", async () => {
    const answers = ["low", "high", "low"];
    const ended = (earlyStopReason: string) => bundleOf(answers, { k: 10, earlyStopReason });
    const outcomes = [ended("horizon after 3 of 10: low 2"), ended("budget"), ended("The caller cancelled the run")];
    await open(outcomes.map((bundle, index) => answeredLine(index, bundle)));
    // Seven answers of one run of three: the others may need theirs.
    expect(await page.locator("aside").innerText()).toContain("23.3 % fewer answers than always 10");
    const claim = /fewer answers|not needed|Stopped here because/;
    const texts: string[] = [];
    for (const id of ["1", "2", "3"]) {
      await page.goto(`${page.url().split("#")[0]}#/run/${id}`);
      await page.waitForSelector(`.run-head:has-text("line ${id}")`);
      texts.push(await page.locator("main").innerText());
    }
    expect(texts.map((text) => claim.test(text))).toEqual([true, false, false]);
    expect(texts[1]).toContain("Cut off: the budget had no room for a further answer");
    expect(texts.every((text) => text.includes("chance that the answers left would not change it"))).toBe(true);
  });

  test("shows no stability once K is used up, and no agreement of one answer", async () => {
    const one = bundleOf([{ severity: "low", team: "core" }, undefined], { k: 2 });
    await open([answeredLine(0, bundleOf(["low", "high"])), answeredLine(1, one)], { at: "#/run/1" });
    await page.waitForSelector(".consensus");
    const figures = await textsOf(".figures dt, .field h3");
    expect(figures.join()).not.toMatch(/stability/i);
    await page.goto(`${page.url().split("#")[0]}#/run/2`);
    await page.waitForSelector(".figures:has-text('1 call failed')");
    const text = await page.locator("main").innerText();
    expect(text).not.toMatch(/all agree|agreed by all|\bAgreed\b|Stability/);
    expect(text).toMatch(/1 of 2/);
    await page.goBack();
    expect(await textsOf(".figures dt")).toContain("Confidence");
  });

  test("says of answers with several fields how sure all of them are right together", async () => {
    const bundle = bundleOf(
      ["a", "a", "b", "a"].map((team, at) => ({ team, severity: at === 0 ? "high" : "low", place: at % 2 })),
    );
    await open([answeredLine(0, bundle)], { at: "#/run/1" });
    const figure = page.locator(".figure", { hasText: "All fields right" });
    expect(await figure.locator(".value").innerText()).toBe(bundle.summary.allRight.toFixed(2));
    expect(bundle.summary.allRight).toBeLessThan(bundle.summary.confidence);
  });

  test("shows all answers of a file where steer view names none", async () => {
    await open(job(5), { command: ["view"] });
    expect(await page.locator(".list-head [role=status]").innerText()).toBe("5 runs");
  });

  test("shows one bundle with nothing around it, as steer view writes it", async () => {
    await open([answeredLine(0, triaged)], { command: ["view"] });
    expect(await page.locator("nav").count()).toBe(0);
    expect(await page.locator(".consensus").innerText()).toMatch(/severity\s+low/);
  });

  test("judges twenty answers by keys alone, moves the calibration, and gives labels that steer reads", async () => {
    await open(job(70), { at: "#/review?draw=least-sure&seed=7" });
    await page.waitForSelector(".given");
    expect(await page.locator(".question").innerText()).not.toMatch(/confidence|stability/);
    await page.waitForSelector("aside:has-text('No answer is judged yet')");
    for (let given = 0; given < 20; given++) await page.keyboard.press(given % 4 === 0 ? "w" : "r");
    await page.keyboard.press("b");
    await page.keyboard.press("u");
    expect(await page.locator(".toolbar .soft").innerText()).toBe("19 of 60 judged, 1 skipped");
    await page.waitForSelector("aside:has-text('19 answers judged, 14 right')");
    const panel = await page.locator("aside").innerText();
    expect(await page.locator("[data-accepted]").innerText()).toBe("14");
    expect(panel).toMatch(/with labels|would not make the confidence better/);
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download labels" }).click(),
    ]);
    expect(file.suggestedFilename()).toBe("out.jsonl.labels.jsonl");
    await file.saveAs(join(folder, "out.jsonl.labels.jsonl"));
    const { stdout } = await steerHere(["report", "out.jsonl"], { cwd: folder });
    rmSync(join(folder, "out.jsonl.labels.jsonl"));
    expect(stdout).toContain("19 answers of this job judged: 14 right (0.74)");
    await page.reload();
    await page.waitForSelector(".given");
    expect(await page.locator(".toolbar .soft").innerText()).toBe("19 of 60 judged, 1 skipped");
  });

  test("judges by field: r, w and u judge the field in focus and go on to the next, and never the whole", async () => {
    await open([answeredLine(0, triaged), answeredLine(1, triaged)], { at: "#/review" });
    await page.waitForSelector(".given");
    await page.keyboard.press("f");
    await page.locator("[data-field='/severity'] input:focus").waitFor();
    await page.keyboard.press("r");
    await page.locator("[data-field='/component'] input:focus").waitFor();
    await page.keyboard.press("w");
    await page.getByRole("button", { name: /^Keep/, includeHidden: false }).and(page.locator(":focus")).waitFor();
    // Away from the fields these keys judge nothing.
    for (const key of ["r", "w", "u", "1"]) await page.keyboard.press(key);
    expect(await page.locator(".progress").innerText()).toBe("0 of 2 judged");
    await page.keyboard.press("Enter");
    await expect.poll(() => page.locator(".told").innerText()).toContain("judged wrong in /component");
    await page.getByRole("link", { name: "a mix of all" }).click();
    await page.keyboard.press("r");
    await expect.poll(() => page.locator(".progress").innerText()).toBe("2 of 2 judged");
  });

  test("shows what a run has spent of its ceilings, and none for a file that does not tell", async () => {
    const line = answeredLine(0, triaged);
    const usage = { ...line.output.usage, totalTokens: 700 };
    const metadata = { ...line.output.metadata, budget: { costUsd: 0.01, tokens: 1_000 } };
    const limited = { ...line, output: { ...line.output, usage, costUsd: 0.0025, metadata } };
    await open([limited, answeredLine(1, triaged)], { at: "#/run/1" });
    await page.waitForSelector(".cost");
    expect(await textsOf(".ceilings dd.number")).toEqual(["$0.00250 of $0.01000", "700 of 1,000"]);
    await page.goto(`${page.url().split("#")[0]}#/run/2`);
    await page.waitForSelector(".cost:has-text('No budget limits this run.')");
  });

  test("asks for nothing, runs nothing of an answer and fits 400 and 1,600 px, whatever models wrote", async () => {
    const hostile = readHostileBundles.map(([, bundle], index) =>
      answeredLine(index, bundle, { input: { [attack]: attack, more: "x".repeat(5_000) } }),
    );
    const failure = failedLine(hostile.length, attack, `${attack}<!-- <script>`);
    await open([...hostile, failure], { viewport: { width: 400, height: 800 } });
    for (const address of ["#/runs", ...hostile.map((_, index) => `#/run/${index + 1}`), "#/run/11", "#/review"]) {
      await page.evaluate(`location.hash = ${JSON.stringify(address)}`);
      await page.waitForSelector(address === "#/review" ? ".given" : address === "#/runs" ? ".body .row" : ".run-head");
      await page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })");
      for (const width of [1600, 400]) {
        await page.setViewportSize({ width, height: 800 });
        expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth"), address).toBe(0);
      }
    }
    expect({ requests: requests.filter((url) => !url.startsWith("file:")), complaints }).toEqual({
      requests: [],
      complaints: [],
    });
    expect(await page.locator("body").getAttribute("data-attacked")).toBeNull();
    const acting = "script:not([type='text/plain']), img, iframe, object, link, [onerror], [onload]";
    expect(await page.locator(acting).count()).toBe(1);
    expect(readFileSync(join(folder, "page.html")).length).toBeLessThan(1_000_000);
  });

  test("allows its own script and style alone, and is read without a script", async () => {
    await open(job(14), { javaScriptEnabled: false });
    const policy = await page.locator("meta[http-equiv]").getAttribute("content");
    expect(policy).toMatch(
      /^default-src 'none'; script-src 'sha256-[^ ]+'; style-src 'sha256-[^ ]+'; base-uri 'none'; form-action 'none'$/,
    );
    expect(await page.locator("noscript").innerText()).toContain("14 inputs: 12 with an answer, 2 without.");
  });

  async function seriousIn(what: string): Promise<unknown[]> {
    const { violations } = await page.evaluate<axe.AxeResults>("axe.run()");
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    return serious.map(({ id, nodes }) => [
      what,
      id,
      nodes.slice(0, 2).map(({ html, failureSummary }) => `${html} ${failureSummary}`),
    ]);
  }

  test.each(["light", "dark"] as const)("axe finds nothing serious in %s, on any screen", async (colorScheme) => {
    await open(job(28), { colorScheme, viewport: { width: 900, height: 900 } });
    await page.evaluate("document.querySelector('.side details').open = true");
    await page.evaluate(axe.source);
    for (const address of ["#/runs", "#/run/1", "#/run/7", "#/review"]) {
      await page.evaluate(`location.hash = ${JSON.stringify(address)}`);
      await page.waitForSelector(address === "#/review" ? ".given" : address === "#/runs" ? ".body .row" : ".run-head");
      await page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })");
      expect(await seriousIn(address)).toEqual([]);
    }
    await page.keyboard.press("f");
    await page.waitForSelector(".by-field");
    expect(await seriousIn("by field")).toEqual([]);
  });
});

test("marks the label at which the accepted set was shown, so that steer counts the look", () => {
  const lines = job(70);
  const answers = lines.flatMap((line, index) => {
    const bundle = line.output?.content?.evidenceBundle;
    return bundle ? [toAnswer(line, bundle, `bug-${index}`, index + 1)] : [];
  });
  const asked = { precision: 0.95, confidence: 0.9 };
  const review = { answers, signals: [], labels: [], withoutAnswer: 10, asked, isAsked: true, looks: [] };
  const session = new Session(review, "out.jsonl");
  for (const answer of session.orderOf("uniform", 7)) session.judge(answer, true, "uniform", 7);
  const labels = session
    .toLines()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(labels).toHaveLength(60);
  // The first look of 95 % right with 90 % confidence has half of the risk.
  const first = labelsNeeded(0.95, 0.95);
  expect(labels.flatMap(({ look }, at) => (look ? [at + 1] : []))).toEqual([first]);
  const bundles = acceptanceSignalsOf(answers.map(({ votes, job }) => ({ votes, job, signals: {} })));
  const read = new Map(labels.map((label) => [keyOf(label), label]));
  const looks = looksOf(answers, bundles, read, asked, []);
  expect(looks.map((look) => look.labels)).toEqual([first]);
  // A look that the acceptance file has is not counted again.
  expect(looksOf(answers, bundles, read, asked, looks)).toEqual(looks);
});

test("fingerprints in a browser are those of Node", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), (text) => {
      expect(hash("sha256", text)).toBe(createHash("sha256").update(text).digest("hex"));
    }),
  );
});

test("no cell of a table is a formula for a spreadsheet, and quotes stay inside their cell", () => {
  const row = {
    id: "1",
    tool: '=HYPERLINK("x")',
    status: "completed",
    input: 'a "b",\nc',
    said: "-1+1",
    answers: 1,
    k: 1,
    costUsd: 0,
    elapsedMs: 1,
  } as const;
  const [, line] = toCsv([row]).split("\r\n");
  expect(line).toBe(`1,"'=HYPERLINK(""x"")",completed,,,"a ""b"",\nc",'-1+1,,1,1,0,1,,`);
});
