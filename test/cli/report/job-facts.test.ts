import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { OutputLine } from "../../../src/cli/output/output-line.ts";
import { JobFacts } from "../../../src/cli/report/job-facts.ts";
import { Histogram, Largest } from "../../../src/cli/report/tallies.ts";
import { describeConfidence, describeReuse } from "../../../src/cli/report/words.ts";
import type { EvidenceBundle } from "../../../src/contract/bundle.ts";
import { bundleOf } from "../../support/bundle-of.ts";
import { answeredLine, failedLine, rejectedLine } from "./job-lines.ts";

const limits = { leastSure: 100 };

function reportOf(lines: readonly any[], more: object = {}) {
  const facts = new JobFacts({ ...limits, ...more });
  for (const [index, line] of lines.entries()) facts.add(line, index + 1);
  return facts.report();
}

const severities = ["low", "medium", "high"];

/** One of: an answer of so many replicates by what each said, a failure, a refusal. */
const outcome = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.constantFrom(...severities, undefined), { minLength: 2, maxLength: 5 }) },
  { weight: 1, arbitrary: fc.constantFrom("rate_limit", "invalid_output", "own words") },
  { weight: 1, arbitrary: fc.constant(null) },
);

/** What a job of these outcomes comes to, counted without the code under test. */
function truthOf(outcomes: readonly ((string | undefined)[] | string | null)[]) {
  const answered = outcomes.filter((one) => Array.isArray(one) && one.some((said) => said !== undefined));
  const distinct = answered.map((said) => new Set((said as string[]).filter((one) => one !== undefined)).size);
  return {
    total: outcomes.length,
    rejected: outcomes.filter((one) => one === null).length,
    rateLimited: outcomes.filter((one) => one === "rate_limit").length,
    withAnswer: answered.length,
    contested: distinct.filter((count) => count > 1).length,
    asked: outcomes.flatMap((one) => (Array.isArray(one) ? one : [])).length,
    invalid: outcomes.flatMap((one) => (Array.isArray(one) ? one.filter((said) => said === undefined) : [])).length,
  };
}

function lineOf(outcome: (string | undefined)[] | string | null, index: number) {
  if (outcome === null) return rejectedLine(index, "Time budget exceeded");
  if (typeof outcome === "string") return failedLine(index, outcome, "it broke");
  const answers = outcome.map((severity) => (severity === undefined ? undefined : { severity, team: "core" }));
  return answeredLine(index, bundleOf(answers, { k: 5, tokens: 10, costUsd: 0.001 }));
}

describe("the facts of a job", () => {
  test("are those that its lines were made with, whatever the job", () => {
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 30 }), (outcomes) => {
        const report = reportOf(outcomes.map(lineOf));
        const truth = truthOf(outcomes);
        expect(report.inputs).toMatchObject({ total: truth.total, rejected: truth.rejected });
        expect(report.contested.fields.map(({ path }) => path)).toEqual(truth.contested > 0 ? ["/severity"] : []);
        expect(report.contested.fields[0]?.contested ?? 0).toBe(truth.contested);
        expect(report.failures.find(({ category }) => category === "rate_limit")?.count ?? 0).toBe(truth.rateLimited);
        expect(report.cost.actual.answers).toBe(truth.asked);
        expect(report.cost.invalidAnswers).toBe(truth.invalid);
        expect(report.cost.totalUsd).toBeCloseTo(truth.asked * 0.001);
      }),
    );
  });

  test("add up: each input once by status, in the histogram or beside it, and in a kind of failure where it failed", () => {
    fc.assert(
      fc.property(fc.array(outcome, { maxLength: 30 }), (outcomes) => {
        const { inputs, confidence, failures, leastSure } = reportOf(outcomes.map(lineOf));
        const sum = (counts: readonly { count: number }[]) => counts.reduce((total, { count }) => total + count, 0);
        expect(inputs.completed + inputs.partial + inputs.failed + inputs.rejected).toBe(inputs.total);
        expect(sum(confidence.histogram)).toBe(confidence.count);
        expect(confidence.count + confidence.singleAnswer + inputs.withoutEvidence).toBe(
          inputs.completed + inputs.partial,
        );
        expect(sum(failures)).toBe(inputs.failed + inputs.rejected);
        expect(leastSure).toHaveLength(confidence.count);
        expect(leastSure).toEqual(leastSure.toSorted((a, b) => a.confidence - b.confidence));
      }),
    );
  });
});

describe("a job report", () => {
  const contested = (low: number, high: number) =>
    bundleOf([...Array(low).fill({ severity: "low" }), ...Array(high).fill({ severity: "high" })], { k: 10 });

  test("names the least sure first, with what their answers said and the line that holds them", () => {
    const report = reportOf(
      [contested(5, 0), contested(3, 2), contested(4, 1)].map((bundle, i) => answeredLine(i, bundle)),
    );
    expect(
      report.leastSure.map(({ line, votes }) => [
        line,
        votes.map(({ votes }) => votes.map((v) => [v.value, v.support])),
      ]),
    ).toEqual([
      [
        2,
        [
          [
            ["low", 3],
            ["high", 2],
          ],
        ],
      ],
      [
        3,
        [
          [
            ["low", 4],
            ["high", 1],
          ],
        ],
      ],
      [1, []],
    ]);
    expect(report.leastSure[0]).toMatchObject({ index: 1, input: "bug-1: report 1", fieldCount: 1 });
  });

  test("counts what is below a wanted confidence, and without one what the job marked", () => {
    const mark = (line: any) => ({ ...line, output: { ...line.output, metadata: { belowMinConfidence: true } } });
    const lines = [
      mark(answeredLine(0, contested(3, 2))),
      answeredLine(1, contested(5, 0)),
      answeredLine(2, contested(4, 1)),
    ];
    expect(reportOf(lines).confidence).toMatchObject({ below: 1, minConfidence: null });
    expect(reportOf(lines, { minConfidence: 0.8 }).confidence).toMatchObject({ below: 2, minConfidence: 0.8 });
  });

  test("takes a list's places together, and counts an input once however many of them differ", () => {
    const items = (...names: string[]) => ({ items: names.map((name) => ({ name })) });
    const bundle = bundleOf([items("a", "b"), items("c", "d"), items("a", "b")], {
      compare: { lists: "position" } as never,
    });
    const [field] = reportOf([answeredLine(0, bundle), answeredLine(1, bundle)]).contested.fields;
    expect(field).toMatchObject({ path: "/items/*/name", inputs: 2, contested: 2 });
  });

  test("names the two values that most often stood against each other", () => {
    const [field] = reportOf([contested(3, 2), contested(2, 3), contested(4, 1)].map((b, i) => answeredLine(i, b)))
      .contested.fields;
    expect(field?.rivals).toEqual({ values: ["high", "low"], count: 3 });
  });

  test("puts failures under their category, messages that differ in numbers together, with what to do", () => {
    const { failures } = reportOf([
      failedLine(0, "rate_limit", "HTTP 429, retry after 17 ms"),
      failedLine(1, "rate_limit", "HTTP 429, retry after 2000 ms"),
      failedLine(2, "toString", "a category of their own"),
      rejectedLine(3, "Time budget exceeded"),
    ]);
    expect(failures).toEqual([
      {
        category: "rate_limit",
        count: 2,
        advice: expect.stringContaining("--concurrency"),
        messages: [{ message: "HTTP 429, retry after 17 ms", count: 2, line: 1 }],
      },
      { category: "toString", count: 1, advice: expect.stringContaining("message"), messages: [expect.anything()] },
      { category: "budget", count: 1, advice: expect.stringContaining("Raise"), messages: [expect.anything()] },
    ]);
  });

  test("gives one answer no confidence, unless labels have", () => {
    const one = bundleOf(["Paris"]);
    const labelled = { ...one, summary: { ...one.summary, calibratedConfidence: 0.9 } };
    expect(reportOf([answeredLine(0, one), answeredLine(1, labelled)]).confidence).toMatchObject({
      count: 1,
      singleAnswer: 1,
      basis: { labels: 1, job: 0, answers: 0 },
      mean: 0.9,
    });
  });

  test("gives single answers that were judged no mean confidence", () => {
    const one = bundleOf(["Paris"]);
    const several = bundleOf(["Paris", "Paris"]);
    const judged = (...bundles: EvidenceBundle[]) => {
      const facts = new JobFacts(limits, new Map(bundles.map((_, index) => [`f${index}`, { label: true }])));
      for (const [index, bundle] of bundles.entries())
        facts.add({ ...answeredLine(index, bundle), fingerprint: `f${index}` } as OutputLine, index + 1);
      return facts.report().confidence.judged;
    };
    expect(judged(one, one)).toEqual({ count: 2, right: 2, meanConfidence: null });
    expect(judged(one, several)).toEqual({ count: 2, right: 2, meanConfidence: several.summary.confidence });
  });

  test("expects an answer that was judged to be what it was judged, whatever its confidence", () => {
    const several = bundleOf(["Paris", "Paris", "Lyon"]);
    const expected = (...verdicts: readonly boolean[]) => {
      const facts = new JobFacts(limits, new Map(verdicts.map((label, index) => [`f${index}`, { label }])));
      for (const index of verdicts.keys())
        facts.add({ ...answeredLine(index, several), fingerprint: `f${index}` } as OutputLine, index + 1);
      facts.add({ ...answeredLine(verdicts.length, several), fingerprint: "not judged" } as OutputLine, 9);
      return facts.report().confidence.right;
    };
    expect(expected(true, true)).toBeCloseTo(2 + several.summary.confidence);
    expect(expected(true, false)).toBeCloseTo(1 + several.summary.confidence);
  });

  test("knows no total cost where one input's price is unknown, and tells what is known", () => {
    const lines = [
      answeredLine(0, contested(3, 2), { costUsd: null }),
      answeredLine(1, contested(3, 2), { costUsd: 0.25 }),
    ];
    expect(reportOf(lines).cost).toMatchObject({ totalUsd: null, knownUsd: 0.25, unknownCount: 1 });
  });

  test("tells what answers did not pay for again, and nothing where each paid for itself", () => {
    const reusing = (reuse: object | undefined) => {
      const bundle = contested(3, 2);
      return { ...bundle, meta: { ...bundle.meta, ...(reuse && { reuse }) } } as EvidenceBundle;
    };
    const lines = [
      answeredLine(0, reusing({ cachedInputTokens: 4_000, replicateIds: [], savedUsd: 0.5 })),
      answeredLine(1, reusing({ cachedInputTokens: 0, replicateIds: ["r1", "r2"], savedUsd: 0.25 })),
      answeredLine(2, reusing(undefined)),
    ];
    const { cost } = reportOf(lines);
    expect(cost.reuse).toEqual({ cachedInputTokens: 4_000, answers: 2, savedUsd: 0.75 });
    expect(describeReuse(cost)).toBe(
      "$0.75 saved by reuse: 2 answers of earlier runs, 4,000 tokens out of the provider's cache.",
    );
    expect(describeReuse(reportOf([lines[2]]).cost)).toBeUndefined();
  });

  test("keeps no text of a long answer alive", () => {
    const long = "x".repeat(1_000_000);
    const { leastSure } = reportOf([answeredLine(0, bundleOf([long, `${long}y`, "z"]), { input: { text: long } })]);
    expect(JSON.stringify(leastSure).length).toBeLessThan(3_000);
  });
});

test("of any numbers, a histogram gives the quantile to its step", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (numbers, share) => {
        const histogram = new Histogram((value) => value);
        for (const number of numbers) histogram.add(number);
        const sorted = numbers.toSorted((a, b) => a - b);
        expect(histogram.quantile(share)).toBe(sorted[Math.max(0, Math.ceil(share * numbers.length) - 1)]);
      },
    ),
  );
});

test("of any ranks, the largest are kept, and of equal ones the first", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 })), fc.integer({ min: 1, max: 8 }), (ranks, most) => {
      const largest = new Largest<number>(most);
      for (const [index, rank] of ranks.entries()) largest.add(rank, () => index);
      const expected = [...ranks.keys()].sort((a, b) => (ranks[b] as number) - (ranks[a] as number) || a - b);
      expect(largest.items).toEqual(expected.slice(0, most));
    }),
  );
});

test("counts an answer of several fields as right where all of them are, and not by their mean", () => {
  const said = ["a", "a", "b", "a"].map((team, at) => ({ team, severity: at === 0 ? "high" : "low", place: at % 2 }));
  const bundle = bundleOf(said);
  const { confidence } = reportOf(Array.from({ length: 40 }, (_, index) => answeredLine(index, bundle)));
  const right = Math.round(40 * bundle.summary.allRight);
  expect(right).toBeLessThan(Math.round(40 * bundle.summary.confidence));
  expect(describeConfidence(confidence)).toContain(`about ${right} of 40 are right in all fields.`);
});
