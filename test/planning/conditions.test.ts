import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { OptionIssue } from "../../src/core/errors.ts";
import { compileCondition, type RuleCondition, readAttribute } from "../../src/planning/conditions.ts";

function holds(condition: RuleCondition, request: unknown): boolean {
  const issues: OptionIssue[] = [];
  const compiled = compileCondition(condition, "condition", issues);
  expect(issues).toEqual([]);
  return compiled(request);
}

function issueOf(condition: unknown): OptionIssue | undefined {
  const issues: OptionIssue[] = [];
  compileCondition(condition, "condition", issues);
  return issues[0];
}

const at = (operator: string, value: unknown) => ({ attributePath: "a", operator, value }) as RuleCondition;

/** For each operator: its value, what it holds of, and what it does not hold of. `undefined` stands for "not there". */
const operators: [operator: string, value: unknown, holdsOf: unknown[], not: unknown[]][] = [
  ["equals", 1, [1], ["1", 2, undefined, null]],
  ["equals", { x: [1, { y: null }] }, [{ x: [1, { y: null }] }], [{ x: [1, {}] }, { x: [] }]],
  ["not_equals", 1, ["1", 2, undefined, null], [1]],
  ["contains", "bc", ["abcd", ["bc"]], ["b", ["abcd"], undefined, 5, { bc: 1 }]],
  ["contains", 2, [[1, 2]], ["12", 2, [[2]]]],
  ["in", ["x", 3, null], ["x", 3, null], ["3", undefined, [3]]],
  ["regex", "^a+\\d{2}$", ["aa42"], ["aa4", "xaa42", undefined, 42, ["aa42"]]],
  ["regex", "(?i)HELLO|w\\p{L}rld", ["say hello", "wörld"], ["hell"]],
  ["exists", undefined, [null, 0, ""], [undefined]],
  ["exists", true, [null, 0, ""], [undefined]],
  ["exists", false, [undefined], [null, 0]],
  ["gt", 3, [4, Infinity], [3, 2, "4", undefined, null, Number.NaN]],
  ["gte", 3, [4, 3], [2, "3", Number.NaN]],
  ["lt", "b", ["a", "B"], ["b", "c", 0, undefined]],
  ["lte", "2026-01-31", ["2025-12-01", "2026-01-31"], ["2026-02-01"]],
];

describe("a condition", () => {
  test.each(operators)("%s %j holds of %j and not of %j", (operator, value, holdsOf, not) => {
    const requestWith = (actual: unknown) => (actual === undefined ? {} : { a: actual });
    expect(holdsOf.filter((actual) => !holds(at(operator, value), requestWith(actual)))).toEqual([]);
    expect(not.filter((actual) => holds(at(operator, value), requestWith(actual)))).toEqual([]);
  });

  test("with a function holds where the function says true, and only then", () => {
    const condition: RuleCondition = { attributePath: "tags", matches: (value) => Array.isArray(value) };
    expect(holds(condition, { tags: [] })).toBe(true);
    expect(holds(condition, {})).toBe(false);
    expect(holds({ attributePath: "n", matches: (n) => n as boolean }, { n: 1 })).toBe(false);
  });

  test("never holds of inherited properties", () => {
    for (const name of ["toString", "constructor", "__proto__", "constructor.name", "length.toString"])
      expect(holds({ attributePath: name, operator: "exists" }, { length: 1 })).toBe(false);
    expect(holds({ attributePath: "__proto__", operator: "equals", value: 1 }, JSON.parse('{"__proto__":1}'))).toBe(
      true,
    );
  });

  test("is never both of an operator and its opposite, whatever the request", () => {
    fc.assert(
      fc.property(fc.anything(), fc.jsonValue(), (actual, value) => {
        const request = { a: actual };
        const equals = holds(at("equals", value as never), request);
        expect(holds(at("not_equals", value), request)).toBe(!equals);
        expect(holds(at("exists", true), request)).toBe(!holds(at("exists", false), request));
        if (typeof value !== "number" && typeof value !== "string") return;
        const order = [holds(at("lt", value), request), equals, holds(at("gt", value), request)];
        expect(order.filter(Boolean).length).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe("an attribute path", () => {
  test("leads through objects and lists, and the empty one to the request itself", () => {
    const request = { customer: { tier: "gold" }, items: [{ name: "pen" }] };
    expect(readAttribute(request, "customer.tier")).toBe("gold");
    expect(readAttribute(request, "items.0.name")).toBe("pen");
    expect(readAttribute("a whole text", "")).toBe("a whole text");
    expect(readAttribute(request, "customer.tier.length")).toBeUndefined();
    expect(readAttribute(null, "a.b")).toBeUndefined();
  });

  test("reads back whatever stands at it", () => {
    const name = fc.string().filter((text) => !text.includes("."));
    fc.assert(
      fc.property(fc.array(name, { minLength: 1 }), fc.jsonValue(), (names, value) => {
        const request = names.reduceRight<unknown>((inner, key) => Object.fromEntries([[key, inner]]), value);
        fc.pre(names.join(".") !== "");
        expect(readAttribute(request, names.join("."))).toEqual(value);
      }),
    );
  });
});

describe("a pattern", () => {
  test("is refused when the rule is made where it has a fault or cannot be matched in linear time", () => {
    for (const value of ["[", "(a", "(?=a)b", "(a)\\1", "(?<!a)b", "((a{100}){100}){100}"]) {
      const issue = issueOf({ attributePath: "a", operator: "regex", value });
      expect(issue).toMatchObject({ path: "condition.value", given: value });
      expect(issue?.allowed).toContain("RE2");
    }
  });

  test("that would make a backtracking engine hang answers in time", () => {
    const subject = `${"a".repeat(100_000)}!`;
    for (const value of ["^(a+)+$", "^(a|aa)+$", "^(a*)*b$", "(.*a){20}b"])
      expect(holds({ attributePath: "", operator: "regex", value }, subject)).toBe(false);
  }, 5_000);

  test("agrees with JavaScript's own engine on plain patterns", () => {
    const letter = fc.constantFrom("a", "b", ".", "\\d", "[^a]", "(?:ab|b)");
    const pattern = fc
      .array(fc.tuple(letter, fc.constantFrom("", "*", "+", "?", "{2}")), { minLength: 1, maxLength: 6 })
      .map((parts) => parts.flat().join(""));
    fc.assert(
      fc.property(pattern, fc.string({ unit: fc.constantFrom("a", "b", "1") }), (value, subject) => {
        expect(holds({ attributePath: "", operator: "regex", value }, subject)).toBe(new RegExp(value).test(subject));
      }),
    );
  });
});

describe("a faulty condition", () => {
  test.each([
    [{ attributePath: 5, operator: "exists" }, "condition.attributePath"],
    [{ attributePath: "a", operator: "equal", value: 1 }, "condition.operator"],
    [{ attributePath: "a", operator: "toString", value: 1 }, "condition.operator"],
    [{ attributePath: "a" }, "condition.operator"],
    [{ attributePath: "a", operator: "equals" }, "condition.value"],
    [{ attributePath: "a", operator: "in", value: "x" }, "condition.value"],
    [{ attributePath: "a", operator: "gt", value: Number.NaN }, "condition.value"],
    [{ attributePath: "a", operator: "exists", value: 1 }, "condition.value"],
    [null, "condition.attributePath"],
  ])("%j is refused, naming the place", (condition, path) => {
    expect(issueOf(condition)?.path).toBe(path);
  });
});
