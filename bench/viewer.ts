/**
 * Measures what 10,000 runs and 1,000 events a second cost the viewer, in Chromium: the longest tasks of the page, as the browser itself
 * reports them; of three rounds, the best of each. A task above 100 ms ends it with status 1. `node bench/viewer.ts`, after `npm run build`.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { reportJob } from "../src/cli/report/report-job.ts";
import type { OrchestrationEvent } from "../src/contract/event.ts";
import { MemoryEventLog } from "../src/events.ts";
import { ReliableOrchestrator } from "../src/index.ts";
import { listen } from "../src/server/listen.ts";
import { createService } from "../src/server.ts";
import { answeredLine, fileOf } from "../test/cli/report/job-lines.ts";
import { bundleOf } from "../test/support/bundle-of.ts";
import { launchChromium } from "../test/support/chromium.ts";

const runs = 10_000;
const eventsPerSecond = 1_000;
const seconds = 10;
const mostMs = 100;
const rounds = 3;
/** Answers whose votes differ: equal ones are calibrated once. */
const kinds = 500;
const rows = new Map<string, { readonly longest: number; readonly count: number }>();

const bundle = bundleOf(
  Array.from({ length: 10 }, (_, at) => ({ severity: at % 3 ? "low" : "high", team: "core" })),
  { k: 20, tokens: 100, costUsd: 0.001 },
);
const { pairwiseDistance: _, ...summary } = bundle.summary;

const folder = mkdtempSync(join(tmpdir(), "steer-viewer-bench-"));
const browser = await launchChromium();
try {
  for (let round = 0; round < rounds; round++) {
    await overFile(browser);
    await overService(browser);
  }
  console.log(`| | longest task, ms | tasks above 50 ms |\n| --- | --- | --- |`);
  for (const [what, { longest, count }] of rows) {
    console.log(`| ${what} | ${longest === 0 ? "below 50" : longest.toFixed(0)} | ${count} |`);
    if (longest > mostMs) process.exitCode = 1;
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}

/** Opens a file of so many runs, filters, scrolls and judges in it. */
async function overFile(browser: Browser): Promise<void> {
  const bundles = Array.from({ length: kinds }, (_, kind) =>
    bundleOf(
      Array.from({ length: 8 }, (_, at) => ({
        severity: (kind * 7 + at * at) % 5 < 3 ? "low" : "high",
        team: ["core", "ui", "infra"][(kind * at) % (1 + (kind % 3))],
        summary: `saving crashes ${(kind + at * 3) % (1 + (kind % 6))}`,
      })),
      { k: 8, tokens: 100, costUsd: 0.001 },
    ),
  );
  const lines = Array.from({ length: runs }, (_, index) =>
    answeredLine(index, bundles[index % kinds] as (typeof bundles)[0]),
  );
  const file = join(folder, "out.jsonl");
  writeFileSync(file, fileOf(lines));
  const html = join(folder, "out.html");
  const { write } = process.stdout;
  process.stdout.write = () => true;
  await reportJob(file, { html, force: true, calibrations: join(folder, "calibrations") });
  process.stdout.write = write;
  const page = await opened(browser, pathToFileURL(html).href);
  await page.waitForSelector(".body .row");
  await tell(page, `a file of ${runs.toLocaleString("en")} runs opens`);
  await scrollThrough(page);
  await tell(page, "the file is scrolled from end to end");
  await page.getByRole("searchbox").pressSequentially("report 77");
  await page.waitForTimeout(300);
  await tell(page, "searched, letter by letter");
  await page.goto(`${page.url().split("#")[0]}#/review?draw=least-sure&seed=1`);
  await page.waitForSelector(".given");
  await page.waitForSelector("aside:has-text('No answer is judged yet')");
  await tell(page, "the review opens: all answers are calibrated");
  await judge(page, 20, "wrr");
  await tell(page, "twenty of 10,000 answers are judged, each calibrating all");
  await page.goto(`${page.url().split("#")[0]}#/review?draw=uniform&seed=1`);
  await judge(page, 80, "r");
  await tell(page, "eighty more by chance, past the first look at what they certify");
  await page.close();
}

/** Judges so many answers, by these keys in turn. */
async function judge(page: Page, count: number, keys: string): Promise<void> {
  for (let given = 0; given < count; given++) {
    await page.keyboard.press(keys[given % keys.length] as string);
    await page.waitForTimeout(100);
  }
}

/** Fills a service's log with so many runs, then lets events come while the list and one run are shown. */
async function overService(browser: Browser): Promise<void> {
  const events = new MemoryEventLog({ maxRuns: 2 * runs });
  for (let index = 0; index < runs; index++) await fill(events, index);
  const orchestrator = new ReliableOrchestrator({ calibrations: "off", events });
  const service = createService({ orchestrator, events, tools: ["consensus:simulated:?error=0"] });
  const listening = await listen(service.fetch, { host: "127.0.0.1", port: 0 });
  const page = await opened(browser, listening.url);
  await page.locator(".list-head", { hasText: `${runs.toLocaleString("en")} runs` }).waitFor();
  await tell(page, `a service of ${runs.toLocaleString("en")} runs is listed`);
  await scrollThrough(page);
  await tell(page, "the list of the service is scrolled from end to end");
  await feed(
    events,
    Array.from({ length: 50 }, (_, index) => `going-${index}`),
  );
  await tell(page, `${eventsPerSecond.toLocaleString("en")} events a second on 50 runs, with the list shown`);
  const feeding = feed(events, ["watched"]);
  await page.goto(`${listening.url}/#/run/watched`);
  await feeding;
  await tell(page, `${eventsPerSecond.toLocaleString("en")} events a second on the run that is shown`);
  await page.close();
  await listening.end();
}

async function fill(events: MemoryEventLog, index: number): Promise<void> {
  const { runId } = await events.open({ requestId: `run-${index}`, traceId: "t", writer: "bench" });
  const output = { status: "completed", content: { evidenceBundle: bundle } };
  const kept = [
    eventOf(0, "run_started", { request: { report: `report ${index}` } }),
    eventOf(1, "run_completed", { output }),
  ];
  const facts = { toolName: "triage", status: "completed", confidence: (index % 100) / 100, costUsd: 0.001 } as const;
  await events.append([{ runId, writer: "bench", firstSeq: 0, events: kept, facts }]);
}

function eventOf(seq: number, type: OrchestrationEvent["type"], data: object): string {
  const base = { seq, timestamp: new Date().toISOString(), traceId: "t", requestId: "r", source: "triage", attempt: 1 };
  return JSON.stringify({ type, ...base, ...data });
}

/** Appends events to runs for some seconds, in steps of 50 ms: replicates, retries, summaries and pieces of answers. */
async function feed(events: MemoryEventLog, requestIds: readonly string[]): Promise<void> {
  const going = await Promise.all(
    requestIds.map(async (requestId) => {
      const { runId } = await events.open({ requestId, traceId: "t", writer: "bench" });
      return { runId, seq: 0 };
    }),
  );
  const end = performance.now() + seconds * 1_000;
  const perStep = eventsPerSecond / 20;
  while (performance.now() < end) {
    const next = performance.now() + 50;
    const each = Math.max(1, Math.floor(perStep / going.length));
    for (const run of going.slice(0, perStep)) {
      const batch = Array.from({ length: each }, (_, at) => nextEvent(run.seq + at));
      const status = run.seq % 3 === 0 ? "retrying" : "running";
      const facts = { toolName: "triage", status, confidence: Math.random(), costUsd: 0.001 } as const;
      await events.append([{ runId: run.runId, writer: "bench", firstSeq: run.seq, events: batch, facts }]);
      run.seq += each;
    }
    await new Promise((wake) => setTimeout(wake, Math.max(0, next - performance.now())));
  }
}

function nextEvent(seq: number): string {
  if (seq === 0) return eventOf(0, "run_started", { request: { report: "It crashes" } });
  const replicateId = `r${1 + (seq % 20)}`;
  if (seq % 10 === 1) return eventOf(seq, "replicate_started", { replicateId, seed: seq });
  if (seq % 10 === 5)
    return eventOf(seq, "replicate_done", { replicate: { ...bundle.replicates[seq % 10], id: replicateId } });
  if (seq % 10 === 7) return eventOf(seq, "partial_summary", { summary });
  if (seq % 50 === 9) {
    const error = {
      type: "RateLimited",
      code: "X",
      message: "HTTP 429",
      category: "rate_limit",
      isRetryable: true,
      attempts: 1,
    };
    return eventOf(seq, "retry_scheduled", { delayMs: 500, error, replicateId });
  }
  return eventOf(seq, "delta", { text: "a piece of an answer ", replicateId });
}

async function opened(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1_280, height: 900 } });
  await page.addInitScript(
    "globalThis.longTasks = []; new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ entryTypes: ['longtask'] });",
  );
  await page.goto(url);
  return page;
}

async function scrollThrough(page: Page): Promise<void> {
  const height = await page.evaluate<number>("document.documentElement.scrollHeight");
  for (let step = 0; step <= 40; step++) {
    await page.evaluate(`scrollTo(0, ${(height * step) / 40})`);
    await page.waitForTimeout(50);
  }
}

/** Keeps the tasks since the last time; of several rounds, the best one: a busy machine makes any page slow at times. */
async function tell(page: Page, what: string): Promise<void> {
  const tasks = await page.evaluate<number[]>("globalThis.longTasks.splice(0)");
  const row = { longest: Math.max(0, ...tasks), count: tasks.length };
  const best = rows.get(what);
  if (!best || row.longest < best.longest) rows.set(what, row);
}
