import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvalidOptionsError } from "../../src/core/errors.ts";
import { createStoppingRule, type StoppingRuleOptions, type StoppingVerdict } from "../../src/evidence/stopping.ts";
import { summarize } from "../../src/evidence/summary.ts";
import { anyJson, record, replicatesOf, scalar } from "./support/replicates.ts";

const invalid = Symbol("invalid");

function observeAll(options: StoppingRuleOptions, answers: readonly unknown[]): StoppingVerdict[] {
  const rule = createStoppingRule(options);
  return answers.map((answer) => rule.observe(answer, { valid: answer !== invalid }));
}

/** The answers until the rule stops, or all. */
function untilStop(options: StoppingRuleOptions, answers: readonly unknown[]): readonly unknown[] {
  const stop = observeAll(options, answers).findIndex((verdict) => verdict.stop);
  return stop < 0 ? answers : answers.slice(0, stop + 1);
}

function consensusOf(answers: readonly unknown[]): unknown {
  return summarize(answers.map((data, index) => ({ id: `r${index}`, data, quality: { valid: data !== invalid } })))
    .consensus;
}

/** All sequences of answers, up to what the answers are called: each is one seen before, or the next new one. */
function* sequences(length: number, answers: number, prefix: readonly number[] = []): Generator<readonly number[]> {
  if (prefix.length === length) return yield prefix;
  const next = Math.min(answers - 1, Math.max(-1, ...prefix) + 1);
  for (let answer = 0; answer <= next; answer++) yield* sequences(length, answers, [...prefix, answer]);
}

/** The same, any of them invalid. */
function* sequencesWithInvalid(length: number, answers: number): Generator<readonly unknown[]> {
  for (const sequence of sequences(length, answers + 1)) {
    for (const hidden of new Set(sequence)) yield sequence.map((answer) => (answer === hidden ? invalid : answer));
  }
}

describe("the default for three replicates", () => {
  test("gives the majority of three on every sequence of scalars", () => {
    for (const answers of [...sequences(3, 3), ...sequencesWithInvalid(3, 3)]) {
      expect(consensusOf(untilStop({ k: 3 }, answers))).toEqual(consensusOf(answers));
    }
    fc.assert(
      fc.property(fc.array(fc.oneof(scalar, fc.constant(invalid)), { minLength: 3, maxLength: 3 }), (answers) => {
        expect(consensusOf(untilStop({ k: 3 }, answers))).toEqual(consensusOf(answers));
      }),
    );
  });

  test("gives the majority of three in each field of every three objects, lists by position", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(record, anyJson), { minLength: 3, maxLength: 3 }), (answers) => {
        const compare = { text: false, lists: "position" } as const;
        const stopped = summarize(replicatesOf(untilStop({ k: 3, compare }, answers)), compare);
        const whole = summarize(replicatesOf(answers), compare);
        expect(stopped.consensus).toEqual(whole.consensus);
        for (const [pointer, field] of Object.entries(stopped.fields)) {
          expect(field.value).toEqual(whole.fields[pointer]?.value);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("the default for three replicates with lists by content", () => {
  /** A value as text, its lists in any order. */
  const unordered = (value: unknown): string => {
    if (Array.isArray(value)) return `[${value.map(unordered).sort().join()}]`;
    if (typeof value !== "object" || value === null) return `${typeof value} ${String(value)}`;
    return `{${Object.entries(value).map(([key, inner]) => `${key}:${unordered(inner)}`)}}`;
  };

  test("gives the majority of three, its lists in any order", () => {
    const close = fc.array(fc.oneof(record, anyJson), { minLength: 1, maxLength: 2 });
    const three = close.chain((few) => fc.array(fc.constantFrom(...few), { minLength: 3, maxLength: 3 }));
    fc.assert(
      fc.property(three, (answers) => {
        const compare = { text: false };
        const [stopped, whole] = [untilStop({ k: 3, compare }, answers), answers].map(
          (some) => summarize(replicatesOf(some), compare).consensus,
        );
        expect(unordered(stopped)).toBe(unordered(whole));
      }),
      { numRuns: 500 },
    );
  });
});

describe("lossless", () => {
  test("gives the answer of all replicates on every sequence of up to nine with up to four answers", () => {
    for (let k = 1; k <= 9; k++) {
      for (const answers of sequences(k, 4)) {
        const stopped = untilStop({ k, rule: "lossless" }, answers);
        if (stopped.length < k) expect(consensusOf(stopped)).toBe(consensusOf(answers));
      }
    }
  });

  test("does so too where any of the replicates are invalid", () => {
    for (let k = 1; k <= 7; k++) {
      for (const answers of sequencesWithInvalid(k, 3)) {
        const stopped = untilStop({ k, rule: "lossless" }, answers);
        if (stopped.length < k) expect(consensusOf(stopped)).toBe(consensusOf(answers));
      }
    }
  });

  test("stops as early as any rule that never changes the answer could", () => {
    for (const answers of sequences(6, 3)) {
      const stopped = untilStop({ k: 6, rule: "lossless" }, answers).length;
      if (stopped <= 2) continue;
      const before = answers.slice(0, stopped - 1);
      const completions = [0, 1, 2, 3].map((answer) => [...before, ...new Array(7 - stopped).fill(answer)]);
      expect(new Set(completions.map(consensusOf)).size).toBeGreaterThan(1);
    }
  });
});

const rules: StoppingRuleOptions[] = [
  { k: 6, rule: "lossless" },
  { k: 6, rule: "horizon" },
  { k: 6, rule: "horizon", threshold: 0.9 },
  { k: 6, rule: "epsilon", epsilon: 0.2 },
  { k: 6, rule: "epsilon", epsilon: 0.5 },
  { k: 6, rule: "beta", threshold: 0.9 },
  { k: 6, rule: "certified", threshold: 0.4 },
  { k: 6, rule: "none" },
];

/** The fewest of these answers, in any order and number, after which a rule stops; at most `left`. */
function fewestByTrial(
  options: StoppingRuleOptions,
  seen: readonly unknown[],
  alphabet: readonly unknown[],
  left: number,
) {
  let continuations: (readonly unknown[])[] = [[]];
  for (let more = 1; more < left; more++) {
    continuations = continuations.flatMap((known) => alphabet.map((answer) => [...known, answer]));
    if (continuations.some((further) => observeAll(options, [...seen, ...further]).at(-1)?.stop)) return more;
  }
  return left;
}

describe("needed", () => {
  test.each(rules)(
    "is the fewest further replicates that could end it, by trial of all: $rule $threshold $epsilon",
    (options) => {
      for (let length = 0; length < 6; length++) {
        for (const seen of length < 3
          ? [...sequences(length, 3), ...sequencesWithInvalid(length, 2)]
          : sequences(length, 3)) {
          const rule = createStoppingRule(options);
          const verdict = seen.map((answer) => rule.observe(answer, { valid: answer !== invalid })).at(-1);
          if (verdict?.stop) expect(verdict.needed).toBe(0);
          else {
            const needed = verdict?.needed ?? rule.needed;
            expect(needed).toBe(fewestByTrial(options, seen, [0, 1, 2, 9, invalid], 6 - length));
          }
        }
      }
    },
  );

  test.each(rules)("is so too for objects of two fields: $rule $threshold $epsilon", (options) => {
    const alphabet = [0, 1, 2].flatMap((left) => [0, 1].map((right) => ({ left, right })));
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...alphabet), { minLength: 2, maxLength: 5 }), (seen) => {
        const verdict = observeAll(options, seen).at(-1) as StoppingVerdict;
        const left = 6 - seen.length;
        expect(verdict.needed).toBe(verdict.stop ? 0 : fewestByTrial(options, seen, [...alphabet, invalid], left));
      }),
      { numRuns: 25 },
    );
  });
});

describe("every rule", () => {
  test("says the same whatever the answers are called", () => {
    const names = fc.shuffledSubarray(["x", 7, null, true, "7"], { minLength: 4 });
    const numbers = fc.array(fc.nat(3), { minLength: 1, maxLength: 6 });
    const decisions = (verdicts: StoppingVerdict[]) => verdicts.map(({ reason, ...decision }) => decision);
    fc.assert(
      fc.property(fc.constantFrom(...rules), numbers, names, (options, answers, called) => {
        const renamed = answers.map((answer) => called[answer]);
        expect(decisions(observeAll(options, renamed))).toEqual(decisions(observeAll(options, answers)));
      }),
    );
  });

  test("counts invalid replicates against k, and lets them agree with nothing", () => {
    for (const options of rules) {
      const verdicts = observeAll(options, new Array(6).fill(invalid));
      for (const [index, verdict] of verdicts.slice(0, 5).entries()) {
        expect(verdict.stop).toBe(false);
        expect(verdict.stability).toBe(0);
        expect(verdict.needed).toBeLessThanOrEqual(5 - index);
      }
    }
  });

  test("judges fields anew: one that was settled can hold the run up again", () => {
    const rule = createStoppingRule({ k: 10, rule: "beta", threshold: 0.93, fields: ["/a"] });
    const stops = ["x", "x", "x", "y"].map((a) => rule.observe({ a }).stop);
    expect(stops).toEqual([false, false, true, false]);
  });

  test("says in its reason which rule stopped, where, and with what numbers", () => {
    const answers = [
      { a: 1, b: "x" },
      { a: 1, b: "x" },
      { a: 1, b: "y" },
      { a: 1, b: "x" },
      { a: 1, b: "x" },
    ];
    const reason = observeAll({ k: 10 }, answers).at(-1)?.reason;
    expect(reason).toContain("horizon after 5 of 10");
    expect(reason).toContain("/b");
    expect(reason).toContain("4 to 1");
    expect(reason).toContain("0.975");
  });

  test("waits only for the fields that the caller names, and all below them", () => {
    const answers = [0, 1, 2].map((noise) => ({ kept: { deep: "same" }, noise }));
    expect(observeAll({ k: 4, rule: "lossless", fields: ["/kept"] }, answers).at(-1)?.stop).toBe(true);
    expect(observeAll({ k: 4, rule: "lossless" }, answers).at(-1)?.stop).toBe(false);
    expect(observeAll({ k: 4, rule: "epsilon", fields: ["/kept"] }, answers)[1]?.stop).toBe(true);
    expect(observeAll({ k: 4, rule: "lossless", fields: ["/nowhere"] }, answers).at(-1)?.stop).toBe(true);
  });

  test("never stops on none, and always says what is left", () => {
    const verdicts = observeAll({ k: 4, rule: "none" }, ["a", "a", "a", "a"]);
    expect(verdicts.map(({ stop, needed }) => [stop, needed])).toEqual([
      [false, 3],
      [false, 2],
      [false, 1],
      [false, 0],
    ]);
  });

  test("keeps probabilities free of NaN on any answers", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...rules),
        fc.array(fc.oneof(anyJson, fc.constant(invalid)), { maxLength: 6 }),
        (options, answers) => {
          for (const { stability, needed } of observeAll(options, answers)) {
            expect(stability).toBeGreaterThanOrEqual(0);
            expect(stability).toBeLessThanOrEqual(1);
            expect(Number.isInteger(needed)).toBe(true);
          }
        },
      ),
    );
  });
});

describe("the reason of a stop", () => {
  test("names the field with the smallest lead where none can change any more", () => {
    const answers = [1, 1, 1, 2].map((b) => ({ a: "same", b }));
    expect(observeAll({ k: 5 }, answers).at(-1)?.reason).toContain("in /b, the closest field, a lead of 3 to 1");
  });
});

describe("the rules' figures", () => {
  const unanimous = (options: StoppingRuleOptions) =>
    observeAll(options, new Array(options.k).fill("same")).findIndex(({ stop }) => stop) + 1;

  test("stops a unanimous vote where the formulas say", () => {
    expect(unanimous({ k: 3 })).toBe(2);
    expect(unanimous({ k: 10, rule: "lossless" })).toBe(5);
    expect(unanimous({ k: 10 })).toBe(3);
    expect(unanimous({ k: 40, rule: "beta" })).toBe(4);
    expect(unanimous({ k: 40, rule: "certified" })).toBe(8);
    expect(unanimous({ k: 10, epsilon: 0.2 })).toBe(2);
  });

  test("selects lossless up to three and horizon above, and epsilon where only that is given", () => {
    const reasonOf = (options: StoppingRuleOptions) => observeAll(options, new Array(9).fill(1)).at(-1)?.reason;
    expect(reasonOf({ k: 3 })).toMatch(/^lossless/);
    expect(reasonOf({ k: 4 })).toMatch(/^horizon/);
    expect(reasonOf({ k: 9, epsilon: 0 })).toMatch(/^epsilon/);
    expect(reasonOf({ k: 9, epsilon: 0, rule: "auto" })).toMatch(/^horizon/);
  });

  test("takes the number of possible answers from the caller where it is known", () => {
    const answers = new Array(8).fill({ a: ["x"] });
    const stops = (choices: Record<string, number>) =>
      observeAll({ k: 40, rule: "certified", choices }, answers).at(-1)?.stop;
    expect([stops({}), stops({ "/a/*": 2 }), stops({ "/a/*": 3 }), stops({ "/a/0": 3 })]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  test("takes the mean over pairs as the epsilon rule's distance", () => {
    const stops = (epsilon: number) => observeAll({ k: 9, epsilon }, ["a", "a", "a", "b"]).at(-1)?.stop;
    expect(stops(0.5)).toBe(true);
    expect(stops(0.499)).toBe(false);
  });
});

describe("options of a rule", () => {
  test("are refused with all their faults where they cannot be used", () => {
    const bad = { k: 0, epsilon: 2, rule: "lucky" as never };
    expect(() => createStoppingRule(bad)).toThrow(InvalidOptionsError);
    expect(() => createStoppingRule(bad)).toThrow(/k: got 0[\s\S]*epsilon: got 2[\s\S]*rule: got "lucky"/);
    expect(() => createStoppingRule({ k: 3, fields: ["severity"] })).toThrow('such as "/severity"');
  });
});
