import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FieldJobs } from "../../src/evidence/job-calibration.ts";
import { createJobCalibration, type GroupSizes, summarize } from "../../src/evidence.ts";

interface VectorJob {
  name: string;
  bundles: (number[] | null)[];
  options?: number;
  confidences: (number | null)[];
}

const { jobs } = JSON.parse(readFileSync(new URL("data/job-calibration-vectors.json", import.meta.url), "utf8")) as {
  jobs: VectorJob[];
};

/** Vectors of up to ten samples, the consensus first. */
const sizes: fc.Arbitrary<GroupSizes> = fc
  .array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 10 })
  .map((answers) => [...Map.groupBy(answers, (answer) => answer).values()].map((group) => group.length))
  .map((groups) => groups.sort((a, b) => b - a));

function jobOf(bundles: readonly (GroupSizes | null)[], options?: number) {
  const job = createJobCalibration({ options });
  for (const bundle of bundles) job.observe(bundle);
  return job;
}

describe("createJobCalibration", () => {
  it.each(jobs)("gives the published confidences: $name", ({ bundles, options, confidences }) => {
    const job = jobOf(bundles, options);
    for (const [at, bundle] of bundles.entries()) {
      const expected = confidences[at] as number | null;
      if (expected === null) expect(job.confidence(bundle)).toBeNull();
      else expect(Math.abs((job.confidence(bundle) as number) - expected)).toBeLessThan(1e-9);
    }
  });

  it("gives the same numbers in any order, to the bit", () => {
    const shuffled = fc
      .array(sizes, { minLength: 1, maxLength: 40 })
      .chain((bundles) => fc.tuple(fc.constant(bundles), fc.shuffledSubarray(bundles, { minLength: bundles.length })));
    fc.assert(
      fc.property(shuffled, ([bundles, others]) => {
        const [job, other] = [jobOf(bundles), jobOf(others)];
        for (const bundle of bundles) expect(job.confidence(bundle)).toBe(other.confidence(bundle));
      }),
      { numRuns: 30 },
    );
  });

  it("gives the same numbers to jobs that are merged, kept and resumed, or done at once", () => {
    fc.assert(
      fc.property(fc.array(sizes, { minLength: 1, maxLength: 30 }), fc.nat(30), (bundles, at) => {
        const whole = jobOf(bundles);
        const merged = jobOf(bundles.slice(at)).merge(jobOf(bundles.slice(0, at)));
        const kept = JSON.parse(JSON.stringify(jobOf(bundles.slice(0, at))));
        const resumed = createJobCalibration().fromJSON(kept);
        for (const bundle of bundles.slice(at)) resumed.observe(bundle);
        expect(JSON.stringify(resumed)).toBe(JSON.stringify(whole));
        for (const bundle of bundles) {
          expect(merged.confidence(bundle)).toBe(whole.confidence(bundle));
          expect(resumed.confidence(bundle)).toBe(whole.confidence(bundle));
        }
      }),
      { numRuns: 30 },
    );
  });

  it("keeps 5,000 bundles of ten samples in at most 10 KB", () => {
    const job = createJobCalibration();
    fc.assert(
      fc.property(sizes, (bundle) => {
        for (let times = 0; times < 25; times++) job.observe(bundle);
      }),
      { numRuns: 200 },
    );
    expect(job.bundles).toBe(5_000);
    expect(JSON.stringify(job).length).toBeLessThan(10_000);
  });

  it("says that one sample is no evidence", () => {
    const job = new FieldJobs({});
    const summary = summarize([{ id: "r1", data: "Paris" }]);
    expect(job.numbersOfNext(summary).confidenceBasis).toEqual({
      kind: "none",
      bundles: 1,
      labels: 0,
      calibrated: false,
    });
  });

  it("judges a question alone as a job of one bundle", () => {
    fc.assert(
      fc.property(sizes, (bundle) => {
        const summary = summaryOf(bundle);
        const alone = new FieldJobs({}).numbersOfNext(summary).confidence;
        expect(alone).toBeCloseTo(jobOf([bundle]).confidence(bundle) as number, 12);
      }),
      { numRuns: 30 },
    );
  });

  it("foretells the number that a bundle has once it is observed", () => {
    fc.assert(
      fc.property(fc.array(sizes, { minLength: 1, maxLength: 20 }), sizes, (bundles, next) => {
        const job = new FieldJobs({});
        for (const bundle of bundles) job.observe(bundle);
        const foretold = job.numbersOfNext(summaryOf(next)).confidence;
        job.observe(next);
        expect(foretold).toBe(job.confidence(next));
      }),
      { numRuns: 30 },
    );
  });

  it("leaves a snapshot as it is while the job goes on", () => {
    const job = new FieldJobs({});
    for (const bundle of [[5], [4, 1], [5]]) job.observe(bundle);
    const before = job.snapshot();
    const number = before.confidence([5]);
    for (let times = 0; times < 50; times++) job.observe([2, 1, 1, 1]);
    expect(before.bundles).toBe(3);
    expect(before.confidence([5])).toBe(number);
    expect(job.confidence([5])).toBeLessThan(number as number);
    before.observe([5]);
    expect(job.bundles).toBe(53);
  });

  it("takes more groups than there are options for what they are", () => {
    const job = jobOf([[2, 1, 1, 1, 1], [5], [4, 1]], 4);
    expect(job.confidence([2, 1, 1, 1, 1])).toBeGreaterThan(0);
    expect(job.confidence([2, 1, 1, 1, 1])).toBeLessThan(job.confidence([5]) as number);
  });

  it.each([[[5, -1]], [[0]], [[2.5]], [[Number.NaN]], ["5"], [{}], [undefined]])("refuses %j as votes", (bundle) => {
    expect(() => createJobCalibration().observe(bundle as GroupSizes)).toThrow("bundle");
  });

  it.each([
    [{ version: 2, fields: {} }, "version"],
    [{ version: 1, fields: { "": { bundles: { "0,1": 1 } } } }, "sizes such as"],
    [{ version: 1, fields: { "": { bundles: { "5": -1 } } } }, "calibration"],
    [null, "calibration"],
  ])("refuses %j as what was kept", (data, message) => {
    expect(() => createJobCalibration().fromJSON(data as never)).toThrow(message);
  });
});

describe("a job calibration of objects", () => {
  const rows = (severities: string[], component = "db") =>
    summarize(severities.map((severity, at) => ({ id: `r${at + 1}`, data: { severity, component } })));

  it("judges every field by that field in other bundles", () => {
    const job = createJobCalibration();
    const summaries = Array.from({ length: 12 }, (_, at) =>
      rows(at % 2 ? ["low", "high", "medium", "low", "none"] : ["low", "low", "high", "low", "none"]),
    );
    for (const summary of summaries) job.observe(summary);
    const { fields, confidence, weakest, allRight } = job.numbers(summaries[0] as (typeof summaries)[0]);
    expect(fields["/component"]).toBeGreaterThan(0.9);
    expect(fields["/severity"]).toBeLessThan(0.6);
    expect(confidence).toBeCloseTo(((fields["/component"] as number) + (fields["/severity"] as number)) / 2, 12);
    expect(weakest).toBe(fields["/severity"]);
    expect(allRight).toBeLessThanOrEqual(weakest);
  });

  it("knows from a summary how many answers a field can have, and keeps it", () => {
    const severities = ["low", "high", "low"].map((data, at) => ({ id: `r${at}`, data }));
    const summary = summarize(severities, { choices: { "": 4 } });
    const job = createJobCalibration();
    job.observe(summary);
    const known = jobOf([[2, 1]], 4);
    expect(job.confidence(summary)).toBe(known.confidence([2, 1]));
    expect(createJobCalibration().fromJSON(job.toJSON()).confidence(summary)).toBe(known.confidence([2, 1]));
  });

  it("counts items of a list as fields of one kind", () => {
    const job = createJobCalibration();
    job.observe(
      summarize(
        [1, 2, 3].map((id) => ({
          id: `r${id}`,
          data: {
            items: [
              { sku: "A", qty: 1 },
              { sku: "B", qty: 2 },
            ],
          },
        })),
      ),
    );
    expect(Object.keys(job.toJSON().fields)).toEqual(["", "/items/*/qty", "/items/*/sku"]);
    expect(job.toJSON().fields["/items/*/qty"]).toEqual({ bundles: { "3": 2 } });
    expect(job.bundles).toBe(1);
  });

  it("weighs fields as their rules say", () => {
    const answers = ["low", "low", "high", "low", "none"].map((severity) => ({ severity, component: "db" }));
    const options = { weights: { "/component": 9 } };
    const summary = summarize(
      answers.map((data, at) => ({ id: `r${at}`, data })),
      options,
    );
    const heavy = createJobCalibration();
    heavy.observe(summary);
    const { fields, confidence } = heavy.numbers(summary);
    const [severity, component] = [fields["/severity"], fields["/component"]] as [number, number];
    expect(confidence).toBeCloseTo((9 * component + severity) / 10, 12);
  });

  it.each([[[true, false, true]], [["Yes", "no.", "yes"]]])("marks %j as not calibrated without labels", (answers) => {
    const summary = summarize(answers.map((data, at) => ({ id: `r${at}`, data })));
    const job = createJobCalibration();
    job.observe(summary);
    expect(job.numbers(summary).confidenceBasis).toMatchObject({ kind: "job", calibrated: false });
    for (let times = 0; times < 12; times++) job.label(summary, times % 4 > 0);
    expect(job.numbers(summary).confidenceBasis).toMatchObject({ kind: "labels", calibrated: true, labels: 12 });
  });
});

describe("labels of a job calibration", () => {
  /** A job whose answers agree whether they are right or not. */
  const bundles: GroupSizes[] = [...Array(30).fill([5]), ...Array(10).fill([4, 1]), ...Array(10).fill([2, 2, 1])];

  it("change nothing before the tenth", () => {
    const job = jobOf(bundles);
    const before = job.confidence([5]);
    for (let times = 0; times < 9; times++) job.label([5], false);
    expect(job.labels).toBe(9);
    expect(job.confidence([5])).toBe(before);
    job.label([5], false);
    expect(job.confidence([5])).toBeLessThan(before as number);
  });

  it("bring the confidence to the share that is right", () => {
    const job = jobOf(bundles);
    for (let times = 0; times < 100; times++) job.label([5], times % 10 < 6);
    expect(Math.abs((job.confidence([5]) as number) - 0.6)).toBeLessThan(0.05);
  });

  it("change nothing where they make it worse on labels that were not fitted", () => {
    const job = jobOf(bundles);
    const honest = job.confidence([5]) as number;
    const right = Math.round(honest * 100);
    for (let times = 0; times < 100; times++) job.label([5], times < right);
    expect(Math.abs((job.confidence([5]) as number) - honest)).toBeLessThan(0.01);
  });

  it("count alike in any order, and when they are kept and merged", () => {
    const labels = fc.array(fc.tuple(sizes, fc.boolean()), { minLength: 10, maxLength: 40 });
    fc.assert(
      fc.property(labels, fc.nat(40), (given, at) => {
        const labelled = (part: typeof given, observed: readonly GroupSizes[]) => {
          const job = jobOf(observed);
          for (const [bundle, isRight] of part) job.label(bundle, isRight);
          return job;
        };
        const whole = labelled(given, bundles);
        const reversed = labelled(given.toReversed(), bundles.toReversed());
        const merged = labelled(given.slice(at), bundles).merge(labelled(given.slice(0, at), []));
        const kept = createJobCalibration().fromJSON(JSON.parse(JSON.stringify(whole)));
        for (const job of [reversed, merged, kept]) expect(job.confidence([4, 1])).toBe(whole.confidence([4, 1]));
      }),
      { numRuns: 20 },
    );
  });

  it("of whole objects say how often the whole is right, and of single fields how often these are", () => {
    const data = (low: string) => ({ severity: low, component: "db" });
    const summary = summarize(["low", "low", "high"].map((low, at) => ({ id: `r${at}`, data: data(low) })));
    const byWhole = createJobCalibration();
    const byField = createJobCalibration();
    for (const job of [byWhole, byField]) for (let times = 0; times < 20; times++) job.observe(summary);
    for (let times = 0; times < 20; times++) {
      byWhole.label(summary, times % 2 === 0);
      byField.label(summary, { "/severity": times % 2 === 0 });
    }
    expect(byWhole.numbers(summary).confidence).toBe(byWhole.numbers(summary).allRight);
    expect(byField.numbers(summary).fields["/severity"]).toBeLessThan(0.65);
    expect(byField.numbers(summary).confidence).toBeGreaterThan(byField.numbers(summary).allRight);
  });

  it("of whole objects raise the whole past the votes of a field, which is right wherever the whole is", () => {
    const answers = [true, true, true, false].map((isUrgent, at) => ({
      id: `r${at}`,
      data: { topic: "bug", isUrgent },
    }));
    const summary = summarize(answers);
    const job = createJobCalibration();
    for (let times = 0; times < 40; times++) job.observe(summary);
    const before = job.numbers(summary);
    for (let times = 0; times < 40; times++) job.label(summary, true);
    const after = job.numbers(summary);
    expect(before.allRight).toBeLessThan(0.75);
    expect(after.confidence).toBeGreaterThan(0.9);
    expect(after.weakest).toBeGreaterThanOrEqual(after.allRight);
    expect(after.fields["/topic"]).toBeGreaterThanOrEqual(before.fields["/topic"] as number);
  });

  it("of single fields bound the whole, whatever its own labels say", () => {
    const summary = summarize([1, 2].map((at) => ({ id: `r${at}`, data: { topic: "bug", isUrgent: true } })));
    const job = createJobCalibration();
    for (let times = 0; times < 40; times++) job.observe(summary);
    for (let times = 0; times < 40; times++) job.label(summary, { "/isUrgent": times % 2 === 0 });
    for (let times = 0; times < 40; times++) job.label(summary, true);
    const { fields, weakest, allRight } = job.numbers(summary);
    expect(allRight).toBe(weakest);
    expect(weakest).toBe(fields["/isUrgent"]);
  });

  it("fits labels to the confidence that a text is shown with, the answers like it included", () => {
    const texts = ["The river Thames in London", "The river Thames, in old London", "Thames river of London", "Paris"];
    const summary = summarize(
      texts.map((data, index) => ({ id: `r${index + 1}`, data })),
      { text: true },
    );
    const likeness = summary.fields[""]?.likeness ?? 0;
    expect(likeness).toBeGreaterThan(0.5);
    const job = createJobCalibration();
    for (let times = 0; times < 50; times++) job.observe(summary);
    const shown = job.numbers(summary).confidence;
    // As many labels say right as the confidence says: there is nothing to correct.
    const count = 400;
    const right = Math.round(shown * count);
    for (let times = 0; times < count; times++) job.label(summary, times < right);
    expect(job.numbers(summary).confidence).toBeCloseTo(shown, 1);
  });

  it("weigh little while they are few, and fully once there are many", () => {
    // Six of ten are right, in which the votes alone have more confidence.
    const shareAfter = (labels: number) => {
      const job = jobOf(bundles);
      const before = job.confidence([5]) as number;
      for (let at = 0; at < labels; at++) job.label([5], at % 10 < 6);
      return (before - (job.confidence([5]) as number)) / (before - 0.6);
    };
    const shares = [10, 30, 300].map(shareAfter);
    expect(shares[0]).toBeLessThan(0.75);
    expect(shares[1]).toBeGreaterThan(shares[0] as number);
    expect(shares[2]).toBeGreaterThan(0.95);
  });

  it("are fitted as if the bundle that is judged were observed already", () => {
    const labels = fc.array(fc.tuple(sizes, fc.boolean()), { minLength: 10, maxLength: 30 });
    fc.assert(
      fc.property(labels, sizes, (given, next) => {
        const job = new FieldJobs({});
        for (const [bundle, isRight] of given) {
          job.observe(bundle);
          job.label(bundle, isRight);
        }
        const foretold = job.snapshot().numbersOfNext(summaryOf(next)).confidence;
        job.observe(next);
        expect(foretold).toBe(job.confidence(next));
      }),
      { numRuns: 30 },
    );
  });

  it("are refused for a field that the answers do not have", () => {
    const summary = summarize([{ id: "r1", data: { severity: "low" } }]);
    expect(() => createJobCalibration().label(summary, { "/severety": true })).toThrow("/severity");
    expect(() => createJobCalibration().label(summary, { "/severity": "yes" } as never)).toThrow("true or false");
  });
});

describe("log-probabilities of single answers", () => {
  const single = (logprob: number) => summarize([{ id: "r1", data: "Paris", logprobs: { "": logprob } }]);
  /** A job with labels: the likelier half is right in so many of ten, the other half in so many. */
  const labelledJob = (likely: number, unlikely: number, count = 100) => {
    const job = createJobCalibration();
    for (let at = 0; at < count; at++) {
      const isLikely = at % 2 === 0;
      const summary = single(isLikely ? -0.01 - at / 10_000 : -1 - at / 1_000);
      job.observe(summary);
      job.label(summary, (at >> 1) % 10 < (isLikely ? likely : unlikely));
    }
    return job;
  };
  const confidences = (job: ReturnType<typeof labelledJob>) =>
    [-0.01, -1].map((logprob) => job.confidence(single(logprob)) as number);

  it("tell right answers from wrong ones where labels say that they do", () => {
    const [likely, unlikely] = confidences(labelledJob(9, 3)) as [number, number];
    expect(Math.abs(likely - 0.9)).toBeLessThan(0.1);
    expect(Math.abs(unlikely - 0.3)).toBeLessThan(0.1);
  });

  it("change nothing where they say nothing, and where there are too few labels", () => {
    for (const job of [labelledJob(6, 6), labelledJob(9, 3, 9)]) {
      const [likely, unlikely] = confidences(job);
      expect(likely).toBe(unlikely);
    }
  });

  it("count for nothing in answers that have votes, and in answers without any", () => {
    const job = labelledJob(9, 3);
    const twice = summarize(["r1", "r2"].map((id) => ({ id, data: "Paris", logprobs: { "": -2 } })));
    expect(twice.fields[""]).not.toHaveProperty("logprob");
    expect(job.confidence(twice)).toBe(job.confidence([2]));
    const untold = job.confidence([1]) as number;
    const [likely, unlikely] = confidences(job) as [number, number];
    expect(untold).toBeLessThan(likely);
    expect(untold).toBeGreaterThan(unlikely);
  });

  it("are those of a field, and of the whole their mean", () => {
    const answer = (logprobs: [number, number]) =>
      summarize([{ id: "r1", data: { a: 1, b: 2 }, logprobs: { "/a": logprobs[0], "/b": logprobs[1] } }]);
    const job = createJobCalibration();
    for (let at = 0; at < 60; at++) {
      const isRight = at % 3 > 0;
      job.label(answer(isRight ? [-0.01, -0.2] : [-2, -0.2]), { "/a": isRight, "/b": true });
    }
    const [sure, unsure] = [job.numbers(answer([-0.01, -0.2])), job.numbers(answer([-2, -0.2]))];
    expect(sure.fields["/a"]).toBeGreaterThan((unsure.fields["/a"] as number) + 0.3);
    expect(sure.fields["/b"]).toBe(unsure.fields["/b"]);
    expect(sure.allRight).toBeGreaterThan(unsure.allRight);
  });

  it("give the same numbers in any order of labels, and when they are kept and taken back", () => {
    const labels = fc.array(fc.tuple(fc.double({ min: -30, max: 0, noNaN: true }), fc.boolean()), {
      minLength: 10,
      maxLength: 40,
    });
    fc.assert(
      fc.property(labels, (given) => {
        const labelled = (those: typeof given) => {
          const job = new FieldJobs({});
          for (const [logprob, isRight] of those) job.label(single(logprob), isRight);
          return job;
        };
        const [job, reversed] = [labelled(given), labelled(given.toReversed())];
        const kept = createJobCalibration().fromJSON(JSON.parse(JSON.stringify(job)));
        const extra = labelled([...given, [-0.5, true]]);
        extra.label(single(-0.5), true, -1);
        const expected = job.confidence(single(-0.3));
        for (const other of [reversed, kept, extra]) expect(other.confidence(single(-0.3))).toBe(expected);
      }),
      { numRuns: 20 },
    );
  });

  it("are kept in at most 10 KB, of 5,000 bundles that are all labelled", () => {
    const job = createJobCalibration();
    for (let at = 0; at < 5_000; at++) {
      const summary = single(-10 * (at / 5_000) ** 4);
      job.observe(summary);
      job.label(summary, at % 3 > 0);
    }
    expect(job.labels).toBe(5_000);
    expect(JSON.stringify(job).length).toBeLessThan(10_000);
  });
});

/** A summary of texts of which so many are equal. */
function summaryOf(bundle: GroupSizes) {
  const answers = bundle.flatMap((size, group) => new Array<string>(size).fill(`answer ${group}`));
  return summarize(answers.map((data, at) => ({ id: `r${at + 1}`, data })));
}
