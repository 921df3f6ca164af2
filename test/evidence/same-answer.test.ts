import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { groupAnswers, sameAnswer } from "../../src/evidence/same-answer.ts";
import { type ContrastPair, readPairs } from "./support/contrast-sets.ts";

const first = readPairs("first");
const second = readPairs("second");
const third = readPairs("third");
const all = [...first, ...second, ...third];

function shareOf(pairs: readonly ContrastPair[], isWrong: (pair: ContrastPair) => boolean): number {
  return pairs.filter(isWrong).length / pairs.length;
}

describe.each([
  ["the first contrast set", first],
  ["the second contrast set", second],
  ["the third contrast set", third],
])("on %s", (_, pairs) => {
  test("at most 1 % of the different answers are called one", () => {
    const different = pairs.filter(({ same }) => !same);
    expect(different.length).toBeGreaterThan(200);
    expect(shareOf(different, ({ a, b }) => sameAnswer(a, b))).toBeLessThanOrEqual(0.01);
  });

  test("at most a quarter of the answers in two forms are called two", () => {
    const same = pairs.filter((pair) => pair.same);
    expect(same.length).toBeGreaterThan(100);
    expect(shareOf(same, ({ a, b }) => !sameAnswer(a, b))).toBeLessThanOrEqual(0.25);
  });
});

describe("sameAnswer", () => {
  test.each([
    ["legal", "illegal"],
    ["Iran", "Iraq"],
    ["schuldig", "nicht schuldig"],
    ["是", "不是"],
    ["x < 5", "x > 5"],
    ["A-", "A+"],
    ["±2021", "2021"],
    ["x²", "x2"],
    ["x²3", "x²³"],
    ["2½", "21/2"],
    ["\\frac{1}{2}x", "\\frac{1}{2x}"],
    ["\\sqrt{2}x", "\\sqrt{2x}"],
    ["x^{2y}", "x²y"],
    ["5!", "5"],
    ["2024-01-02", "2024-02-01"],
    ["03/04/2021", "04/03/2021"],
    ["Monday, 6 May 2024", "Friday, 6 May 2024"],
    ["1,2", "12"],
    ["1,2", "1.2"],
    ["007", "7"],
    ["01", "1"],
    ["1.234", "1,234"],
    ["1.10.0", "1.1.0"],
    ["Python 3.10", "Python 3.1"],
    ["6/8", "3/4"],
    ["9/11", "9-11"],
    ["12 percent", "12 percentage points"],
    ["12%", "0.12"],
    ["5 mW", "5 MW"],
    ["5 M", "5 m"],
    ["£5", "5 lb"],
    ["$50", "A$50"],
    ["CO", "Co"],
    ["getName()", "getname()"],
    ["src/Main.java", "src/main.java"],
    ["Mr. Smith", "Mrs. Smith"],
    ["Avó", "Avô"],
    ["No, more than 5", "No more than 5"],
    ["No\nMore than 5", "No more than 5"],
    ["Paris, Texas", "Paris, France"],
    ["vitamin (C)", "vitamin (D)"],
    ["a few people", "few people"],
    ["Yes", "Yes, but only in summer."],
    ["Yes, it is.", "Yes, it is not."],
    ["cat or dog", "cat and dog"],
    ["3, 1, 2", "1, 2, 3"],
    ["Max: 5", "Min: 5"],
    ["Rome?", "Rome"],
    ["Yes, it is safe", "Yes, it is dangerous"],
    ["Yes, it is soluble", "Yes"],
    ["No, it is not only safe", "No"],
    ["No, it is not unsafe", "No"],
    ["No, it is not always open", "No"],
    ["No, it is legal", "No"],
    ["Tripoli, Libya", "Tripoli, Lebanon"],
    ["copper (Cu)", "copper (Co)"],
    ["1998 (in Rome)", "1998 (in Milan)"],
    ["ADA (Americans with Disabilities Act)", "ADA (American Dental Association)"],
    ["int x", "Int x"],
    ["int x", "int X"],
    ["T cells", "t cells"],
    ["class Foo", "class foo"],
    ["σ", "Σ"],
    ['"1"', "1"],
    ["'a'", "a"],
    ['"a, b", c', 'a, "b, c"'],
    ["if x:\n  a\n  b", "if x:\n  a\nb"],
    ["1. Alice\n2. Bob", "1. Bob\n2. Alice"],
    ["Boston, New York", "New York, Boston"],
    ["winner, loser", "loser, winner"],
    ["[Paris](a)", "[London](a)"],
    ["The A", "A"],
    ["10.30 am", "10.3 am"],
    ["It opens at 7.50 pm.", "It opens at 7.5 pm."],
    ["Value - 5", "5"],
    ["1 January 0000", "1 January"],
    ["if x:\n  a()\n  b()", "if x:\n  a()\nb()"],
    ["__init__", "init"],
    ["__Init__", "__init__"],
    ["_x_", "x"],
    ["**x", "*x"],
    ["<answer>no</answer>", "<answer>yes</answer>"],
    ["<b>Paris</b>", "Paris"],
    ["\\frac12x", "1/2x"],
    ["\\frac123", "1/2"],
    ["^a$.", "^a$"],
    ["₹1,00,000", "₹10,000"],
    ["12,34,567", "1234567"],
    ["A → B", "A ← B"],
    ["A → B", "B → A"],
    ["3:30 PM", "3:30 AM"],
    ["Smith,John", "John,Smith"],
    ["x^{23}", "x^2 3"],
    ["x^{2}y", "x^{2y}"],
    ["\\text{not }p", "p"],
    ["5{,}00", "500"],
    ["I hope it is correct.", "It is correct."],
    ["Answer is not 5", "5"],
    ["I'm unable to tell", "I'm able to tell"],
    ["</s>", "<s>"],
  ])("tells %j and %j apart", (a, b) => {
    expect([sameAnswer(a, b), sameAnswer(b, a)]).toEqual([false, false]);
  });

  test.each([
    ["The answer is $1,200.00.", "1200 USD"],
    ["**Answer:** `(B)`.", "B"],
    ["1.234,5 kg", "1,234.5 kg"],
    ["2,5 kg", "2.5 kilograms"],
    ["three million", "3,000,000"],
    ["2 × 10³", "2000"],
    ["twenty-one", "21"],
    ["2½", "2.5"],
    ["5kg", "5 kilograms"],
    ["60 kilometers per hour", "60 km/h"],
    ["٤٢", "42"],
    ["21st July 1969", "1969-07-21"],
    ["- red\n- green", "green and red"],
    ["U.S.A.", "USA"],
    ["1) cut\n2) glue", "1. cut\n2. glue"],
    ["A, C", "C, A"],
    ["> Paris", "Paris"],
    ["# Paris", "Paris"],
    ["「はい」", "はい"],
    ["We'll wait", "We will wait"],
    ["It isn't.", "it is not"],
    ["No, it isn't.", "No"],
    ["No, they do not eat meat.", "No"],
    ["答案是北京。", "北京"],
    ["It took twelve weeks.", "It took 12 weeks"],
    ["The final answer is $\\boxed{42}$.", "42"],
    ["$x = 5$.", "x = 5"],
    ["\\frac12", "1/2"],
    ["<answer>Paris</answer>", "Paris"],
    ["<result>42</result>", "42"],
    ["***Paris***", "Paris"],
    ["__Paris__", "Paris"],
    ["**Final Answer**\nParis", "Paris"],
    ["Answer:\nParis", "Paris"],
    ["### **Answer:**\nParis", "Paris"],
    ["3:30 PM", "3:30 pm"],
    ["A,C", "A, C"],
    ["red,green,blue", "blue, red, green"],
    ["₹12,34,567", "₹1234567"],
    ["1,00,000 rupees", "₹100,000"],
    ["A → B", "A -> B"],
    ["x^{2}", "x²"],
    ["10⁻³", "10^{-3}"],
    ["\\boxed{5\\text{ kg}}", "5 kg"],
    ["5{,}000", "5000"],
    ["12\\,500", "12,500"],
    ["\\textbf{Paris}", "Paris"],
    ["Final Answer: The final answer is $5$. I hope it is correct.", "5"],
    ["Answer is 5", "5"],
    ["Paris<|im_end|>", "Paris"],
    ["Paris</s>", "Paris"],
    ["I'm unable to tell.", "I am unable to tell"],
    ["They've left", "They have left"],
  ])("takes %j and %j for one", (a, b) => {
    expect([sameAnswer(a, b), sameAnswer(b, a)]).toEqual([true, true]);
  });

  test("notices any digit that is replaced", () => {
    const numbers = all.flatMap(({ a, b }) => [a, b]).filter((text) => /[1-9]/.test(text));
    const changed = numbers.flatMap((text) =>
      Array.from(text.matchAll(/[1-9]/g), ({ 0: digit, index }) => ({
        text,
        other: text.slice(0, index) + (digit === "9" ? "1" : Number(digit) + 1) + text.slice(index + 1),
      })),
    );
    expect(changed.length).toBeGreaterThan(500);
    expect(changed.filter(({ text, other }) => sameAnswer(text, other))).toEqual([]);
  });

  test("notices a `not` that is put before the last word", () => {
    const sentences = all.flatMap(({ a, b }) => [a, b]).filter((text) => text.split(" ").length > 3);
    const negated = sentences.map((text) => text.split(" ").toSpliced(-1, 0, "not").join(" "));
    expect(sentences.length).toBeGreaterThan(200);
    expect(sentences.filter((text, at) => sameAnswer(text, negated[at] as string))).toEqual([]);
  });
});

describe("groupAnswers", () => {
  const forms = fc.oneof(
    fc.constantFrom(...all.flatMap(({ a, b }) => [a, b])),
    fc.string({ unit: "binary", maxLength: 30 }),
    fc.string({ unit: fc.constantFrom(..."19.,-+ /%$()*\"'`\\{}\nanot"), maxLength: 12 }),
  );

  test("numbers the groups in the order of their first texts", () => {
    expect(groupAnswers(["Paris", "Lyon", "**Paris**", "Lyon.", "Nice"])).toEqual([0, 1, 0, 1, 2]);
    expect(groupAnswers([])).toEqual([]);
  });

  test("puts two texts into one group where `sameAnswer` says so, and only there", () => {
    fc.assert(
      fc.property(fc.array(forms, { maxLength: 6 }), (texts) => {
        const groups = groupAnswers(texts);
        texts.forEach((a, i) => {
          texts.forEach((b, j) => {
            expect(sameAnswer(a, b)).toBe(groups[i] === groups[j]);
          });
        });
      }),
    );
  });

  test.each([
    "a",
    "1,000,",
    " ",
    "\n",
    "a\u0301\u0316",
    "\u0301\u0316",
    "½",
    "ﷺ",
    "**a",
    "- a\n",
    "1 000 ",
    "one ",
    "(",
    "\\frac{1}",
    "n't ",
    "U.S.",
  ])("groups texts of a million characters made of %j in time", (piece) => {
    const text = piece.repeat(2 ** 20 / piece.length);
    const startedAt = performance.now();
    expect(groupAnswers([text, `${text}x`, text])).toEqual([0, 1, 0]);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  test.each([
    "a",
    "1,000,",
    " ",
    "½",
    "ﷺ",
    "**a",
    "- a\n",
    "1 000 ",
    "one hundred ",
    "(",
    "\\frac{1}",
    "n't ",
    "U.S.",
    "a-",
  ])("takes a time that grows with the length of texts made of %j", (piece) => {
    const time = (length: number) => {
      const text = `The answer is ${piece.repeat(length / piece.length)}`;
      const startedAt = performance.now();
      groupAnswers([text]);
      return performance.now() - startedAt;
    };
    time(2000);
    // The square would be 144 times; the constant leaves room for a busy machine.
    expect(time(24_000)).toBeLessThan(60 * Math.max(5, time(2000)));
  });
});
