import { expect, test } from "vitest";
import type { EvidenceBundle } from "../../src/contract/bundle.ts";
import { PartialResult } from "../../src/contract/partial-result.ts";
import { InnerEvidence } from "../../src/tool/bundle/run-whole.ts";

const bundle = { summary: { validCount: 1 } } as EvidenceBundle<unknown>;
const nothing = new PartialResult({ content: null, isUsable: false, failures: {}, cause: undefined });
const ended = { signal: AbortSignal.abort() };

test("waits for the evidence of an ended attempt, also if a later one had none", async () => {
  const found = new InnerEvidence();
  const { promise, resolve } = Promise.withResolvers<EvidenceBundle<unknown>>();
  found.startAttempt();
  found.follow(promise, ended);
  found.startAttempt();
  found.follow(Promise.reject(nothing), ended);
  const finding = found.find();
  await new Promise((passed) => setImmediate(passed));
  resolve(bundle);
  expect(await finding).toEqual({ content: { evidenceBundle: bundle }, isUsable: true });
});

test("a bundle that nothing has ended is not waited for", async () => {
  const found = new InnerEvidence();
  found.startAttempt();
  found.follow(new Promise(() => {}), { signal: new AbortController().signal });
  expect(await found.find()).toEqual({ content: null, isUsable: false });
});
