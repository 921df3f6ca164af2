import { expect, test } from "vitest";
import { JobCalibrations } from "../../src/calibration/job-calibrations.ts";
import { createEvidenceBundle } from "../../src/index.ts";

test("a bundle that was given before its numbers were there stays as it was given", async () => {
  const answer = (fields: number) =>
    Object.fromEntries(Array.from({ length: fields }, (_, field) => [`field${field}`, field % 3]));
  const bundleOf = (data: object) => createEvidenceBundle({ task: "t", replicates: [{ data }, { data }] });
  const calibrations = new JobCalibrations();
  const opened = () => calibrations.open({ task: "t", k: 2, schemaFingerprint: undefined });
  await opened().observe(bundleOf(answer(3)));

  const [given, judged] = [bundleOf(answer(3_000)), bundleOf(answer(3_000))];
  const before = JSON.stringify(given.summary);
  const over = new AbortController();
  const late = opened().calibrate(given, undefined, over.signal);
  over.abort();
  await late;
  expect(JSON.stringify(given.summary) === before).toBe(true);

  await opened().calibrate(judged, undefined, new AbortController().signal);
  expect(judged.summary.confidenceBasis?.bundles).toBe(2);
});
