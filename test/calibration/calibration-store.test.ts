import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { CalibrationStore } from "../../src/calibration/calibration-store.ts";
import { StoreError } from "../../src/contract/errors.ts";
import { InvalidOptionsError } from "../../src/core/errors.ts";
import { tryFileLock } from "../../src/core/file-lock.ts";
import { bundleOf } from "../support/bundle-of.ts";
import { labels } from "./labels.ts";

function createFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "steer-calibrations-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "calibrations");
}

const jsonFiles = (folder: string) => readdirSync(folder).filter((name) => name.endsWith(".json"));

/** The one file of a folder. */
const onlyFile = (folder: string) => join(folder, jsonFiles(folder)[0]!);

describe("what labels say", () => {
  test("corrects the confidence from the tenth on", async () => {
    const store = new CalibrationStore({ path: createFolder() });
    const judged = labels(10).map((label) => ({ ...label, correct: true }));
    await store.label(judged.slice(0, 9));
    const asked = bundleOf(["a", "b", "a"]);
    expect(await store.confidence(asked)).toBeUndefined();
    await store.label(judged.slice(9));
    expect(await store.confidence(asked)).toBeGreaterThan(asked.summary.confidence);
  });

  test("counts the labels of other K where there are few of this one", async () => {
    const store = new CalibrationStore({ path: createFolder() });
    const of = (k: number, count: number, correct: boolean) =>
      Array.from({ length: count }, (_, index) => ({
        id: `${k}-${index}`,
        bundle: bundleOf(["a", "a"], { k }),
        correct,
      }));
    await store.label([...of(2, 5, true), ...of(4, 20, false)]);
    expect(await store.confidence(bundleOf(["a", "a"], { k: 2 }))).toBeLessThan(0.5);
    await store.label(of(2, 12, true));
    expect(await store.confidence(bundleOf(["a", "a"], { k: 2 }))).toBeGreaterThan(0.9);
  });

  test("keeps verdicts on single fields", async () => {
    const store = new CalibrationStore({ path: createFolder() });
    const bundle = bundleOf([
      { low: "a", high: "b" },
      { low: "a", high: "b" },
    ]);
    await store.label(
      Array.from({ length: 12 }, (_, index) => ({ id: String(index), bundle, correct: { "/low": index % 3 === 0 } })),
    );
    const judged = structuredClone(bundle);
    await (await store.open({ task: "triage", k: 2 })).calibrate(judged);
    expect(judged.summary.fields["/low"]?.confidence).toBeLessThan(0.6);
    expect(judged.summary.fields["/high"]?.confidence).toBeGreaterThan(0.7);
    expect(judged.summary.confidenceBasis).toMatchObject({ kind: "job", labels: 12 });
  });

  test("in whatever order they come, the same labels teach the same", async () => {
    const learnt = await Promise.all(
      [labels(60), labels(60).toReversed()].map(async (judged) => {
        const [stored] = await new CalibrationStore({ path: createFolder() }).label(judged);
        return stored?.calibration.toJSON();
      }),
    );
    expect(learnt[0]).toEqual(learnt[1]);
    expect(learnt[0]?.calibrationError?.after).toBeGreaterThan(0);
  });

  test("they stay when the process ends, and what others add counts from the next bundle on", async () => {
    const path = createFolder();
    const [writer, reader] = [new CalibrationStore({ path }), new CalibrationStore({ path })];
    const asked = bundleOf(["a", "b", "a"]);
    await writer.label(labels(30));
    const before = await reader.confidence(asked);
    await writer.label(labels(40).slice(30));
    const after = await reader.confidence(asked);
    expect(after).not.toBe(before);
    expect(await new CalibrationStore({ path }).confidence(asked)).toBe(after);
    expect((await reader.find(asked))?.labels).toHaveLength(40);
  });

  test("the confidence itself stays unchanged, so that it can be judged again", async () => {
    const store = new CalibrationStore({ path: createFolder() });
    const [{ bundle }] = labels(1) as [ReturnType<typeof labels>[0]];
    const before = structuredClone(bundle);
    await store.label(labels(40));
    await store.confidence(bundle);
    expect(structuredClone(bundle)).toEqual(before);
  });

  test("a label of an id that has one replaces it", async () => {
    const path = createFolder();
    const store = new CalibrationStore({ path });
    await store.label(labels(30));
    const [first] = labels(1) as [ReturnType<typeof labels>[0]];
    await store.label([{ ...first, correct: !first.correct }]);
    const kept = (await store.find(first.bundle))?.labels;
    expect(kept).toHaveLength(30);
    expect(kept?.at(-1)).toMatchObject({ id: first.id, correct: !first.correct });
  });

  test("tasks, models and schemas are never mixed", async () => {
    const path = createFolder();
    const store = new CalibrationStore({ path });
    const facts = [{}, { task: "other" }, { model: "other" }, { schemaFingerprint: "s1" }, { schemaFingerprint: "s2" }];
    const learnt = await store.label(facts.flatMap((fact, index) => labels(index + 1, fact)));
    expect(learnt.map(({ labels: kept }) => kept.length)).toEqual([1, 2, 3, 4, 5]);
    expect(jsonFiles(path)).toHaveLength(5);
  });

  test("answers that broke off are no other model", async () => {
    const store = new CalibrationStore({ path: createFolder() });
    await store.label(labels(3));
    const bundle = bundleOf(["a", undefined, "a"]);
    Object.assign(bundle.replicates[1]!, { model: "the name that was asked for, not the one that answers" });
    expect((await store.find(bundle))?.labels).toHaveLength(3);
  });

  test.each([
    ["a path", "../../escape"],
    ["a prototype key", "__proto__"],
    ["nothing", ""],
    ["letters of many kinds", "naïve Ärger/../x"],
    ["a megabyte", "x".repeat(1_000_000)],
    ["half a surrogate pair", "\ud800"],
  ])("a task whose name is %s has a file of its own within the folder", async (_, task) => {
    const path = createFolder();
    const store = new CalibrationStore({ path });
    await store.label(labels(1, { task }));
    expect(jsonFiles(path)).toHaveLength(1);
    expect(jsonFiles(path)[0]).toMatch(/^[a-z0-9-]{1,60}\.json$/);
    expect(readdirSync(join(path, ".."))).toEqual(["calibrations"]);
    expect((await store.find(bundleOf(["a"], { task })))?.task).toBe(task);
  });
});

describe("no label is lost", () => {
  test("of many callers in one process", async () => {
    const path = createFolder();
    await Promise.all(labels(24).map((label) => new CalibrationStore({ path }).label([label])));
    expect((await new CalibrationStore({ path }).find(bundleOf(["a"])))?.labels).toHaveLength(24);
  });

  test("of four processes at once", async () => {
    const path = createFolder();
    const program = join(import.meta.dirname, "programs/labeller.ts");
    const quiet = ["--disable-warning=ExperimentalWarning", program];
    const ends = await Promise.all(
      [0, 1, 2, 3].map((writer) =>
        once(spawn(process.execPath, [...quiet, path, String(writer), "15"], { stdio: "inherit" }), "close"),
      ),
    );
    expect(ends.map(([code]) => code)).toEqual([0, 0, 0, 0]);
    const kept = (await new CalibrationStore({ path }).find(bundleOf(["a"])))?.labels ?? [];
    expect(new Set(kept.map(({ id }) => id)).size).toBe(60);
    expect(readdirSync(path).filter((name) => name.endsWith(".tmp"))).toEqual([]);
  });

  test("a writer that waits too long for another process rejects, and keeps nothing", async () => {
    const path = createFolder();
    mkdirSync(path);
    const release = await tryFileLock(join(path, ".lock"));
    let waitedMs = 0;
    const clock = {
      now: () => waitedMs,
      async sleep(ms: number) {
        waitedMs += ms;
      },
    };
    const labelled = new CalibrationStore({ path, clock }).label(labels(1));
    await expect(labelled).rejects.toMatchObject({ code: "STORE", reason: "locked" });
    expect(waitedMs).toBe(5_000);
    release?.();
    expect(jsonFiles(path)).toEqual([]);
  });
});

describe("labels that cannot be kept or read are named", () => {
  test("a bundle without a valid answer has nothing to judge; nothing of the call is kept", async () => {
    const path = createFolder();
    const store = new CalibrationStore({ path });
    const judged = [
      ...labels(1),
      { id: "", bundle: bundleOf([undefined, undefined]), correct: "yes" as unknown as boolean },
    ];
    const error = await store.label(judged).catch((thrown: unknown) => thrown);
    expect(InvalidOptionsError.isInstance(error) && error.issues.map((issue) => issue.path)).toEqual([
      "judged[1].id",
      "judged[1].correct",
      "judged[1].bundle",
    ]);
    expect(await store.find(bundleOf(["a"]))).toBeUndefined();
  });

  test.each([
    ["cut short", (text: string) => text.slice(0, -20), "corrupt"],
    ["of something else", () => '{"version":1}', "corrupt"],
    ["with a share above 1", (text: string) => text.replace(/"confidence": [\d.]+/, '"confidence": 2'), "corrupt"],
    ["with a broken fit", (text: string) => text.replace('"slope"', '"slop"'), "corrupt"],
    ["of a later version", (text: string) => text.replace('"version": 1', '"version": 2'), "newer_schema"],
  ])("a file that is %s", async (_, change, reason) => {
    const path = createFolder();
    await new CalibrationStore({ path }).label(labels(31));
    const file = onlyFile(path);
    writeFileSync(file, change(readFileSync(file, "utf8")));
    const store = new CalibrationStore({ path });
    const error = await store.confidence(bundleOf(["a"])).catch((thrown: unknown) => thrown);
    expect(StoreError.isInstance(error) && error.reason).toBe(reason);
    expect((error as Error).message).toContain(file);
    const damaged = readFileSync(file, "utf8");
    await expect(store.label(labels(1))).rejects.toMatchObject({ reason });
    expect(readFileSync(file, "utf8")).toBe(damaged);
  });

  test("a folder that cannot be made", async () => {
    const path = createFolder();
    writeFileSync(path, "a file");
    await expect(new CalibrationStore({ path }).label(labels(1))).rejects.toThrow(/EEXIST.*Check that this user/s);
  });
});
