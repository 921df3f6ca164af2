import { describe, expect, test } from "vitest";
import { createStoppingRule } from "../../src/evidence/stopping.ts";
import { summarize } from "../../src/evidence/summary.ts";
import { readPairs } from "./support/contrast-sets.ts";
import { replicatesOf } from "./support/replicates.ts";

const note = (dose: string) =>
  `The patient was admitted on Monday; the prescribed dose of metformin is ${dose} twice a day with meals.`;

describe("texts that differ in what counts are two answers, and the majority's is given:", () => {
  test.each([
    ["legal", "illegal"],
    ["possible", "impossible"],
    ["turn left", "turn right"],
    ["Iran", "Iraq"],
    ["Louis XIV", "Louis XVI"],
    ["src/index.ts", "src/index.js"],
    ["ABC-XYZ-PQR", "ABC-XYZ-PQS"],
    ["5 °C", "5 °F"],
    ["schuldig", "nicht schuldig"],
    ["виновен", "не виновен"],
    ["是", "不是"],
    [note("50 mg"), note("500 mg")],
    ["The rate will increase next year.", "The rate will decrease next year."],
    ["reversible", "irreversible"],
    ["Il est majeur.", "Il n'est pas majeur."],
    ["x < 5", "x > 5"],
    ["x ≤ 5", "x ≥ 5"],
    ["1 - 1/e", "1 + 1/e"],
    ["±2021", "2021"],
    ["return a + b;", "return a - b;"],
    ["$100", "€100"],
    ["A-", "A+"],
    ["a || b", "a && b"],
    ["2024-01-02", "2024-02-01"],
    ["from 5 to 10", "from 10 to 5"],
    ["(2, 7)", "(7, 2)"],
    ["1,2", "12"],
    ["0,1", "01"],
    ["19,22", "1922"],
    ["5 kg", "5 g"],
    ["1.10.0", "1.1.0"],
  ])("%j and %j", (one, two) => {
    for (const wrap of [(text: string): unknown => text, (text: string): unknown => ({ note: text })]) {
      const { consensus, disagreements } = summarize(replicatesOf([one, two, two].map(wrap)), {});
      expect(consensus).toEqual(wrap(two));
      expect(disagreements[0]?.values.map(({ support }) => support)).toEqual([2, 1]);
    }
  });
});

describe("forms of one answer are one vote, and the commonest form is given:", () => {
  test.each([
    [["3.0", "3", "3.00", "2", "2"], "3.0", 3],
    [["29", "29.0", "29.00", "30", "30"], "29", 3],
    [["1.5", "1.50", "1.5"], "1.5", 3],
    [["٤٢", "42", "42", "41", "41"], "42", 3],
    [["5mg", "5 mg", "5 mg", "50 mg", "50mg"], "5 mg", 3],
    [["1,000", "1000", "1,000"], "1,000", 3],
    [["2, 3, 4", "2,3,4", "2, 3, 4"], "2, 3, 4", 3],
    [["**Paris**", "Paris", "Paris"], "Paris", 3],
    [["(A)", "A", "A"], "A", 3],
    [["Lyon", "Paris", "paris", "Paris."], "Paris", 3],
    [["No", "No, it isn't.", "No, it is not soluble.", "Yes", "Yes"], "No", 3],
    [["No", "No, it isn't.", "no, it is not", "Yes", "Yes"], "No", 3],
    [["€5", "5 euros", "$5"], "€5", 2],
  ])("%j give %j", (texts, given, votes) => {
    const { consensus, fields } = summarize(replicatesOf(texts), { text: true });
    expect(consensus).toBe(given);
    expect(fields[""]?.support).toBe(votes);
  });

  test("keeps to the letter where that is asked for", () => {
    const texts = ["**Paris**", "Paris", "Paris"];
    for (const text of ["exact", false] as const)
      expect(summarize(replicatesOf(texts), { text }).disagreements).toHaveLength(1);
  });
});

describe("of answers with equal votes", () => {
  const distinct = ["Goebbels", "Joseph Goebbels", "Joseph Goebells", "Heinrich Himmler"];

  test("gives the text that is closest to all others", () => {
    const { consensus, fields } = summarize(replicatesOf(distinct), { text: true });
    expect(consensus).toBe("Joseph Goebbels");
    expect(fields[""]).toMatchObject({ support: 1, tied: true });
  });

  test("gives the first label, whatever the labels are called", () => {
    expect(summarize(replicatesOf(distinct), {}).consensus).toBe("Goebbels");
  });

  test("shows that long texts which all differ differ, and asks for all", () => {
    const texts = ["5 mg", "50 mg", "500 mg", "5 g", "50 g"].map(note);
    const summary = summarize(replicatesOf(texts), { text: true });
    expect(summary.disagreements[0]?.values).toHaveLength(5);
    expect(summary.confidence).toBeLessThan(0.3);
    const rule = createStoppingRule({ k: 5, compare: { text: true } });
    expect(texts.slice(0, 4).map((text) => rule.observe(text).stop)).toEqual([false, false, false, false]);
  });
});

describe("on all pairs of different answers in the contrast sets, two of three answers right, in every order,", () => {
  const runs = [...readPairs("first"), ...readPairs("second")]
    .filter(({ same }) => !same)
    .flatMap(({ a, b }) => [a, b].map((right) => ({ right, wrong: right === a ? b : a })))
    .flatMap(({ right, wrong }) =>
      [0, 1, 2].map((place) => ({ right, texts: [right, right].toSpliced(place, 0, wrong) })),
    );
  const shareOf = (holds: (run: (typeof runs)[number]) => boolean) => runs.filter(holds).length / runs.length;

  test("gives the majority in 99 % and shows the disagreement in all but one pair of case alone", () => {
    expect(runs.length).toBeGreaterThan(2500);
    const summaryOf = (texts: readonly string[]) => summarize(replicatesOf(texts), { text: true });
    expect(shareOf(({ texts, right }) => summaryOf(texts).consensus === right)).toBeGreaterThanOrEqual(0.99);
    expect(shareOf(({ texts }) => summaryOf(texts).disagreements.length > 0)).toBeGreaterThanOrEqual(0.997);
  });

  test("never stops as unanimous where both forms were asked", () => {
    const stopped = runs.filter(({ texts: [first = "", second = ""] }) => {
      const rule = createStoppingRule({ k: 3, compare: { text: true } });
      rule.observe(first);
      return rule.observe(second).stop && first !== second && first.toLowerCase() !== second.toLowerCase();
    });
    expect(stopped).toEqual([]);
  });
});

test("texts that a similarity of the caller's puts together are shown by one of their own, in every group", () => {
  const similarity = (a: string, b: string) => (a[0] === b[0] ? 1 : 0);
  const given = ["apple pie", "banana split", "apple tart", "banana bread", "apple pie", "banana bread", "apple pie"];
  const { consensus, disagreements } = summarize(replicatesOf(given), { text: true, similarity });
  expect(consensus).toBe("apple pie");
  expect(disagreements[0]?.values.map(({ value, support }) => [value, support])).toEqual([
    ["apple pie", 4],
    ["banana bread", 3],
  ]);
});
