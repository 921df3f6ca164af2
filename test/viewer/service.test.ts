import { readFileSync } from "node:fs";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import * as v from "valibot";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { MemoryEventLog } from "../../src/events.ts";
import { defineBundleTool, ReliableOrchestrator } from "../../src/index.ts";
import { type Listening, listen } from "../../src/server/listen.ts";
import { createService } from "../../src/server.ts";
import { chromiumPath, launchChromium } from "../support/chromium.ts";

/** Answers of a tool that a test gives out one by one: the next one is asked for after each. */
class Answers {
  readonly #waiting: (() => void)[] = [];
  readonly #arrivals: (() => void)[] = [];
  #isOpen = false;

  async next(signal: AbortSignal): Promise<void> {
    if (this.#isOpen) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => reject(signal.reason));
    this.#waiting.push(resolve);
    this.#arrivals.shift()?.();
    await promise;
  }

  /** Gives out one answer, once it is asked for. */
  async give(): Promise<void> {
    if (this.#waiting.length === 0) await new Promise<void>((resolve) => this.#arrivals.push(resolve));
    this.#waiting.shift()?.();
  }

  giveAll(): void {
    this.#isOpen = true;
    for (const go of this.#waiting.splice(0)) go();
  }
}

describe.skipIf(!chromiumPath)("the viewer over a service, in Chromium", () => {
  let browser: Browser;
  let page: Page;
  let listening: Listening;
  let answers = new Answers();
  const complaints: string[] = [];
  const events = new MemoryEventLog();
  const triage = defineBundleTool({
    name: "triage",
    defaultOptions: { k: 5, stopping: "none", maxParallel: 1 },
    input: v.object({ report: v.string() }),
    schema: v.object({ severity: v.string(), report: v.string() }),
    executeReplicate: async ({ report }, { index }, { signal }) => {
      await answers.next(signal);
      const usage = { inputTokens: 90, outputTokens: 10, totalTokens: 100 };
      return { data: { severity: index % 3 === 1 ? "high" : "low", report }, usage };
    },
  });

  /** Its provider refuses each call, and names a long wait. */
  const limited = defineBundleTool({
    name: "limited",
    input: v.object({ report: v.string() }),
    schema: v.object({ severity: v.string() }),
    executeReplicate: () => {
      throw Object.assign(new Error("HTTP 429"), { statusCode: 429, responseHeaders: { "retry-after": "20" } });
    },
  });

  beforeAll(async () => {
    browser = await launchChromium();
    // Without "off", so that it takes verdicts.
    const orchestrator = new ReliableOrchestrator({ events });
    const service = createService({ orchestrator, events, tools: [triage, limited] });
    listening = await listen(service.fetch, { host: "127.0.0.1", port: 0 });
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail") {
      const shown = await page.locator("main").innerText({ timeout: 1_000 });
      console.error(`The page shows at ${page.url()}:\n${shown}\nIt complained: ${complaints.join("\n") || "no"}`);
    }
    await page?.close();
  });
  afterAll(async () => {
    answers.giveAll();
    await browser.close();
    await listening.end();
  });

  async function open(at = ""): Promise<void> {
    page = await browser.newPage({ viewport: { width: 1_200, height: 900 } });
    complaints.length = 0;
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`${listening.url}/${at}`);
    await page.waitForSelector("main h1");
  }

  async function start(report: string, toolName = "triage", options = {}): Promise<string> {
    const response = await fetch(`${listening.url}/v1/runs`, {
      method: "POST",
      headers: { "content-type": "application/json", prefer: "respond-async" },
      body: JSON.stringify({ toolName, request: { report }, options }),
    });
    return ((await response.json()) as { runId: string }).runId;
  }

  test("fills the bars of a run as its answers arrive, and says why it ended", async () => {
    answers = new Answers();
    const id = await start("It crashes", "triage", { budget: { tokens: 1_000 } });
    await open(`#/run/${id}`);
    await answers.give();
    await answers.give();
    await page.waitForSelector(".field-bar[aria-label='low 1, high 1, open 3']");
    await page.waitForSelector(".stopped:has-text('Still asking: 2 answers are there, 1 on the way, of at most 5')");
    const soFar = await page.locator("main").innerText();
    expect(soFar).toContain("Consensus so far");
    expect(await page.locator(".ceilings").innerText()).toMatch(/Tokens\s+200 of 1,000/);
    expect(await page.locator(".cost-bars").innerText()).toMatch(/so far\s+2\s+200[\s\S]+always 5\s+5\s+500/);
    // Events do not tell the source, and a run that goes on has saved nothing yet.
    expect(soFar).not.toMatch(/Source|fewer answers/i);
    await answers.give();
    await page.waitForSelector(".field-bar[aria-label='low 2, high 1, open 2']");
    answers.giveAll();
    await page.waitForSelector(".stopped:has-text('all 5 answers were asked for')");
    expect(await page.locator(".field-bar").first().getAttribute("aria-label")).toBe("low 3, high 2");
    expect(await page.locator(".timeline details").count()).toBe(5);
    expect(complaints).toEqual([]);
  });

  test("lists runs as they come and go; cancels one, and runs it again", async () => {
    answers = new Answers();
    await open();
    await start("It hangs");
    const row = page.locator(".body .row", { hasText: "It hangs" });
    await row.filter({ hasText: "running" }).waitFor();
    await row.getByRole("button", { name: /^Cancel/ }).click();
    await row.filter({ hasText: "cancelled" }).waitFor();
    answers.giveAll();
    await page.setViewportSize({ width: 400, height: 900 });
    await row.getByRole("button", { name: /^Run again/ }).click();
    await row.getByRole("link", { name: /^Open new run/ }).waitFor();
    await page.getByRole("button", { name: "1 new" }).click();
    await page.locator(".body .row", { hasText: "It hangs" }).filter({ hasText: "completed" }).waitFor();
    expect(await page.locator(".strip").innerText()).toContain("connected");
    expect(complaints).toEqual([]);
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate<axe.AxeResults>("axe.run()");
    expect(
      violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id }) => id),
    ).toEqual([]);
  });

  test("says on one line why calls wait, and which circuits are open", async () => {
    await open();
    const providers = [
      { name: "tool:limited", circuit: "half_open" },
      { name: "openai", circuit: "closed" },
    ];
    await page.route("**/v1/providers", (route) => route.fulfill({ json: { providers } }));
    await page.locator(".strip", { hasText: "tool:limited circuit half open" }).waitFor();
    expect(await page.locator(".strip").innerText()).not.toContain("openai");
    await start("It is limited", "limited");
    await page.locator(".strip", { hasText: "limited: rate_limit, again in" }).waitFor();
    await page.getByLabel("State").selectOption("retrying");
    const row = page.locator(".body .row", { hasText: "It is limited" });
    expect(await row.locator(".badge").innerText()).toContain("retrying");
    await row.getByRole("button", { name: /^Cancel/ }).click();
    // It stays under the pointer, although it no longer fits.
    await row.filter({ hasText: "cancelled" }).waitFor();
    await page.getByRole("button", { name: "Update" }).click();
    await page.locator(".empty").waitFor();
  });

  test("holds rows in their place under the pointer, and shows what is new when asked to", async () => {
    answers = new Answers();
    answers.giveAll();
    await start("It is read");
    await open();
    const first = page.locator(".body .row").first();
    await first.filter({ hasText: "It is read" }).hover();
    await start("It is new");
    await page.getByRole("button", { name: "1 new" }).waitFor();
    expect(await first.innerText()).toContain("It is read");
    await page.getByRole("button", { name: "1 new" }).click();
    await first.filter({ hasText: "It is new" }).waitFor();
    await page.mouse.move(0, 0);
    await start("It comes by itself");
    await first.filter({ hasText: "It comes by itself" }).waitFor();
  });

  test("searches and saves what runs say that were never seen", async () => {
    answers = new Answers();
    answers.giveAll();
    await start("It is the needle");
    for (let count = 0; count < 40; count++) await start(`hay ${count}`);
    await open();
    await page.getByRole("searchbox").fill("needle");
    await page.locator(".body .row", { hasText: "It is the needle" }).waitFor();
    await page.getByRole("searchbox").fill("");
    await page.getByLabel("State").selectOption("completed");
    const saving = page.waitForEvent("download");
    await page.getByRole("button", { name: "Save as JSONL" }).click();
    const lines = readFileSync(await (await saving).path(), "utf8")
      .trimEnd()
      .split("\n");
    expect(lines.filter((line) => JSON.parse(line).input === "")).toEqual([]);
    expect(lines.filter((line) => line.includes("needle"))).toHaveLength(1);
  });

  test("asks a service with more runs than it lists for those that fit, and says what a search covers", async () => {
    page = await browser.newPage();
    const asked: string[] = [];
    await page.route("**/v1/runs?*", (route) => {
      const { searchParams } = new URL(route.request().url());
      const [at, status] = [Number(searchParams.get("cursor") ?? 0), searchParams.get("status")];
      if (status === "failed") asked.push(searchParams.toString());
      const count = status === "failed" ? 2 : 500;
      const runs = Array.from({ length: status?.startsWith("running") ? 0 : count }, (_, index) => ({
        runId: `${status ?? "run"}-${at + index}`,
        toolName: "triage",
        status: status ?? "completed",
        startedMs: 1e12 - at - index,
        endedMs: 1e12,
        lastSeq: 1,
      }));
      return route.fulfill({ json: { runs, ...(status === null && { cursor: String(at + 500) }) } });
    });
    await page.goto(`${listening.url}/`);
    await page.waitForSelector(".list-head:has-text('10,000 runs')");
    await page.getByRole("button", { name: "List older ones" }).click();
    await page.waitForSelector(".list-head:has-text('10,500 runs')");
    await page.evaluate("location.hash = '#/runs?state=failed'");
    await page.waitForSelector(".list-head:has-text('2 of 10,502 runs')");
    expect(asked).toEqual(["limit=500&status=failed"]);
    expect(await page.getByRole("button", { name: "List older ones" }).count()).toBe(0);
    await page.evaluate("location.hash = '#/runs?q=what+none+says'");
    await page.waitForSelector(".covers:has-text('The search covers 200 of 10,502 runs.')");
    await page.getByRole("button", { name: "Search 500 more" }).waitFor();
  });

  test("judges the answers of ended runs, and gives the verdicts to the service", async () => {
    answers = new Answers();
    answers.giveAll();
    await start("It is slow");
    await open("#/review");
    await page.waitForSelector(".given");
    expect(await page.locator(".latest").innerText()).toMatch(/^\d+ ended runs?/);
    const held = Promise.withResolvers<void>();
    await page.route("**/feedback", async (route) => {
      await held.promise;
      await route.continue();
    });
    await page.getByRole("button", { name: /^Right/ }).click();
    await page.waitForSelector(".told:has-text('sending the verdict')");
    expect(await page.locator(".told").innerText()).not.toContain("judged");
    const answered = page.waitForResponse((response) => response.url().endsWith("/feedback"));
    held.resolve();
    const response = await answered;
    expect(response.request().postDataJSON()).toEqual({ correct: true });
    expect(response.ok()).toBe(true);
    await page.waitForSelector(".told:has-text('judged right')");
  });

  test("says of a verdict that the service refused that it is not sent, and sends it again", async () => {
    answers = new Answers();
    answers.giveAll();
    await start("It is refused");
    await open("#/review");
    let refusals = 0;
    await page.route("**/feedback", (route) =>
      refusals++ === 0 ? route.fulfill({ status: 500, json: { detail: "The disk is full." } }) : route.continue(),
    );
    await page.waitForSelector(".given");
    await page.keyboard.press("r");
    await page.waitForSelector(".told:has-text('not sent: The disk is full.')");
    expect(await page.locator(".told").innerText()).not.toContain("judged right");
    expect(await page.getByRole("button", { name: "Discard" }).count()).toBe(0);
    await page.getByRole("button", { name: "Send again" }).click();
    await page.waitForSelector(".told:has-text('judged right')");
  });

  test("keeps labels by run: one that arrives later moves none of them", async () => {
    answers = new Answers();
    answers.giveAll();
    await start("It is judged");
    await open("#/review?draw=uniform&seed=1");
    await page.waitForSelector(".given");
    const asked = await page.locator(".asked-text").first().innerText();
    const link = page.locator(".question a", { hasText: "the run" });
    const judged = await link.getAttribute("href");
    await page.keyboard.press("w");
    await start("It arrives later");
    const id = judged!.split("/run/")[1]!.split("?")[0];
    await page.goto(`${listening.url}/#/review?draw=uniform&seed=1&at=${id}`);
    await page.reload();
    await page.waitForSelector(".question:has-text('judged wrong before')");
    expect(await page.locator(".asked-text").first().innerText()).toBe(asked);
  });

  test("copies commands that ask the same again", async () => {
    answers = new Answers();
    answers.giveAll();
    const id = await start("It's asked again");
    await open(`#/run/${id}`);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    const copied = async (name: string) => {
      await page.getByRole("button", { name }).click();
      await page.getByRole("button", { name: "Copied" }).waitFor();
      return page.evaluate<string>("navigator.clipboard.readText()");
    };
    const body = JSON.stringify({ toolName: "triage", request: { report: "It's asked again" } });
    expect(await copied("Copy as curl")).toBe(
      `curl ${listening.url}/v1/runs -H 'content-type: application/json' -d '${body.replaceAll("'", "'\\''")}'`,
    );
    expect(await copied("Copy as TypeScript")).toContain('tool: "triage"');
  });

  test("shows a refusal on the screen where it was asked for", async () => {
    answers = new Answers();
    answers.giveAll();
    const id = await start("It is asked again");
    await open(`#/run/${id}`);
    await page.route("**/v1/runs", (route) =>
      route.request().method() === "POST"
        ? route.fulfill({ status: 429, json: { detail: "Too many runs." } })
        : route.continue(),
    );
    await page.getByRole("button", { name: "Run again" }).click();
    await page.waitForSelector(".run-head [role=alert]:has-text('Too many runs.')");
    await page.getByRole("link", { name: "← Runs" }).click();
    await page.waitForSelector(".strip");
    expect(await page.locator("[role=alert]").count()).toBe(0);
    expect(complaints.filter((each) => !/status of 429/.test(each))).toEqual([]);
  });

  test("says of a service that does not answer that it does not, and not that there is no run", async () => {
    page = await browser.newPage();
    await page.route("**/v1/**", (route) => route.abort());
    await page.goto(`${listening.url}/`);
    await page.waitForSelector(".empty:has-text('The service does not answer.')");
    await page.goto(`${listening.url}/#/run/fbf6`);
    await page.waitForSelector("h1:has-text('The service does not answer.')");
  });

  test("asks for the key of a service that wants one, and says so where it is not known", async () => {
    const orchestrator = new ReliableOrchestrator({ calibrations: "off", events });
    const keys = [{ name: "web", key: "one-key-of-many-letters" }];
    const locked = createService({ orchestrator, events, tools: [triage], keys });
    const other = await listen(locked.fetch, { host: "127.0.0.1", port: 0 });
    try {
      page = await browser.newPage();
      await page.goto(other.url);
      await page.locator("input[type=password]").fill("one-key-of-few-letters");
      await page.keyboard.press("Enter");
      await page.locator("[role=alert]", { hasText: "does not know this key" }).waitFor();
      await page.locator("input[type=password]:focus").fill("one-key-of-many-letters");
      await page.keyboard.press("Enter");
      await page.waitForSelector(".strip:has-text('connected')");
      expect(await page.locator(".empty").innerText()).toContain("No run yet.");
    } finally {
      await other.end();
    }
  });
});
