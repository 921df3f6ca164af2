import { createOpenAI, openai } from "@ai-sdk/openai";
import { describe, expect, test } from "vitest";
import { fitCalibration, groupAnswers, sameAnswer } from "../../src/evidence.ts";
import { CalibrationStore, createEvidenceBundle, defineTool, resolveModel } from "../../src/orchestration.ts";
import { BudgetLedger, CircuitBreaker, createGuard, withFallback } from "../../src/reliability.ts";
import { scriptedModel } from "../../src/testing.ts";

type Untyped = (...parameters: unknown[]) => unknown;

/** Calls a function as JavaScript may: without its types. */
const untyped = (call: unknown) => call as Untyped;
const construct = (type: unknown, options: unknown) => new (type as new (options: unknown) => unknown)(options);
const label = (judged: unknown) => new CalibrationStore().label(judged as []);

describe("input of another kind is refused with what is wrong and what to do, not by a TypeError", () => {
  const ledger = new BudgetLedger({ limits: { tokens: 10 } });
  const guard = createGuard();

  test.each<[string, () => unknown, RegExp]>([
    [
      "sameAnswer(5, text)",
      () => untyped(sameAnswer)(5, "5"),
      /^a is 5, not a text\. Give a text, or compare .* pairwiseDistance/,
    ],
    ["sameAnswer(text)", () => untyped(sameAnswer)("5"), /^b is undefined, not a text/],
    ["groupAnswers(text)", () => untyped(groupAnswers)("Paris"), /^texts: got "Paris"; allowed: a list of texts/],
    ["groupAnswers of a number", () => untyped(groupAnswers)(["5", 5]), /^texts\[1\] is 5, not a text/],
    ["guard.run()", () => untyped(guard.run)(), /^run\(…\): got undefined; allowed: a function/],
    ["guard.wrap(text)", () => untyped(guard.wrap)("x"), /^wrap\(…\): got "x"; allowed: a function/],
    [
      "ledger.reserve({})",
      () => untyped(ledger.reserve.bind(ledger))({}),
      /^bound: got undefined; allowed: a function/,
    ],
    ["ledger.reserve()", () => untyped(ledger.reserve.bind(ledger))(), /^bound: got undefined; allowed: a function/],
    [
      "createEvidenceBundle without replicates",
      () => untyped(createEvidenceBundle)({ task: "x" }),
      /^replicates: got undefined; allowed: a list/,
    ],
    [
      "createEvidenceBundle with options that are none",
      () => untyped(createEvidenceBundle)({ task: "x", replicates: [], options: 5 }),
      /^options: got 5/,
    ],
    [
      "createEvidenceBundle with a replicate without an answer",
      () => untyped(createEvidenceBundle)({ task: "x", replicates: [{ data: 1 }, { id: "r2" }] }),
      /^replicates\[1\]: .*allowed: an object with the answer as its data/,
    ],
    [
      "createEvidenceBundle with an answer without an object around it",
      () => untyped(createEvidenceBundle)({ task: "x", replicates: ["yes"] }),
      /^replicates\[0\]: got "yes"; allowed: an object with the answer/,
    ],
    [
      "createEvidenceBundle with a seed that is a text",
      () => untyped(createEvidenceBundle)({ task: "x", replicates: [{ data: 1, seed: "7" }] }),
      /^replicates\[0\].seed: got "7"; allowed: a number/,
    ],
    [
      "createEvidenceBundle()",
      () => untyped(createEvidenceBundle)(),
      /^task: got undefined; allowed: the name of the task/,
    ],
    [
      "fitCalibration(text)",
      () => untyped(fitCalibration)("x"),
      /^examples: got "x"; allowed: a list of \{ summary, correct \}/,
    ],
    [
      "fitCalibration of a text",
      () => untyped(fitCalibration)(["x"]),
      /^examples\[0\]: got "x"; allowed: \{ summary, correct \}/,
    ],
    [
      "new CalibrationStore(text)",
      () => construct(CalibrationStore, "cal"),
      /got "cal"; allowed: an object, such as \{ path/,
    ],
    [
      "new CalibrationStore({ path: number })",
      () => construct(CalibrationStore, { path: 3 }),
      /^path: got 3; allowed: the path/,
    ],
    [
      "label without a bundle",
      () => label([{ id: "x", correct: true }]),
      /^judged\[0\]\.bundle: got undefined; allowed: an evidence bundle/,
    ],
    ["label of no list", () => label({ id: "x" }), /^judged: got .*; allowed: a list/],
    ["scriptedModel(text)", () => untyped(scriptedModel)("x"), /^script: got "x"; allowed: a list of answers/],
    [
      "new CircuitBreaker(options)",
      () => construct(CircuitBreaker, { failureThreshold: 0 }),
      /^The first parameter is \{"failureThreshold":0\}, not a name\. Name what is called/,
    ],
    [
      "defineTool without a name",
      () => untyped(defineTool)({ execute: () => 1 }),
      /^defineTool\(…\)\.name: got undefined; allowed: a text/,
    ],
    [
      "defineTool without execute",
      () => untyped(defineTool)({ name: "x" }),
      /^defineTool\(…\)\.execute: got undefined; allowed: a function/,
    ],
    ["defineTool()", () => untyped(defineTool)(), /^defineTool\(…\): got undefined; allowed: an object/],
    [
      "withFallback without a candidate",
      () => untyped(withFallback)({ candidates: [], run: () => 1 }),
      /^candidates: got \[\]; allowed: a list of at least one/,
    ],
    [
      "withFallback without run",
      () => untyped(withFallback)({ candidates: [1] }),
      /^run: got undefined; allowed: a function/,
    ],
    [
      "resolveModel(openai)",
      () => untyped(resolveModel)(openai),
      /^model: this is a provider\. Call it with the name of a model: openai\("gpt-5-mini"\)\.$/,
    ],
    ["resolveModel(createOpenAI)", () => untyped(resolveModel)(createOpenAI), /^model: this is a provider\./],
  ])("%s", async (_, call, message) => {
    const refused = (async () => call())();
    await expect(refused).rejects.toMatchObject({ code: "INVALID_OPTIONS", message: expect.stringMatching(message) });
  });
});
