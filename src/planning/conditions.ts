import { isDeepStrictEqual } from "node:util";
import { messageOf, type OptionIssue } from "../core/errors.ts";
import type { JSONValue } from "../core/json.ts";
import { compileLinearPattern } from "../core/linear-pattern.ts";

/**
 * Condition on one attribute of the request.
 *
 * `attributePath` leads into the request by dots (`customer.tier`, `items.0.name`); `""` is the request itself. Only
 * `not_equals`, `exists: false` and `matches` can hold of an attribute that is not there. `contains` looks into a text or
 * a list; `gt` to `lte` compare two numbers, or two texts by their characters; `regex` finds a pattern anywhere in a text.
 */
export type RuleCondition =
  | { attributePath: string; operator: "equals" | "not_equals" | "contains"; value: JSONValue }
  | { attributePath: string; operator: "in"; value: readonly JSONValue[] }
  | { attributePath: string; operator: "regex"; value: string }
  /** Default of `value`: true. */
  | { attributePath: string; operator: "exists"; value?: boolean | undefined }
  | { attributePath: string; operator: "gt" | "gte" | "lt" | "lte"; value: number | string }
  | {
      attributePath: string;
      operator?: undefined;
      /** Returns true where the attribute's value meets the condition. */
      matches(value: unknown): boolean;
    };

/** Returns true where a condition holds of a request. */
export type CompiledCondition = (request: unknown) => boolean;

type Test = (actual: unknown) => boolean;

interface Operator {
  readonly allowed: string;
  accepts(value: unknown): boolean;
  compile(value: any): Test;
}

const anyValue = { allowed: "a JSON value", accepts: (value: unknown) => value !== undefined };

const operators: Record<NonNullable<RuleCondition["operator"]>, Operator> = {
  equals: { ...anyValue, compile: (value) => (actual) => isDeepStrictEqual(actual, value) },
  not_equals: { ...anyValue, compile: (value) => (actual) => !isDeepStrictEqual(actual, value) },
  contains: { ...anyValue, compile: (value) => (actual) => contains(actual, value) },
  in: {
    allowed: "a list of JSON values",
    accepts: Array.isArray,
    compile: (values: unknown[]) => (actual) => values.some((value) => isDeepStrictEqual(actual, value)),
  },
  regex: { allowed: "a pattern as a text", accepts: isText, compile: compileRegex },
  exists: {
    allowed: "true or false",
    accepts: (value) => value === undefined || typeof value === "boolean",
    compile:
      (wanted = true) =>
      (actual) =>
        (actual !== undefined) === wanted,
  },
  gt: comparison((order) => order > 0),
  gte: comparison((order) => order >= 0),
  lt: comparison((order) => order < 0),
  lte: comparison((order) => order <= 0),
};

const operatorNames = Object.keys(operators).join(", ");

/** Makes a condition ready to be asked; where it has a fault, adds that to `issues`, and the condition never holds. */
export function compileCondition(condition: unknown, path: string, issues: OptionIssue[]): CompiledCondition {
  const { attributePath } = Object(condition) as { attributePath?: unknown };
  if (!isText(attributePath)) issues.push({ path: `${path}.attributePath`, given: attributePath, allowed: "a text" });
  const test = compileTest(condition, (name, given, allowed) => {
    issues.push({ path: `${path}.${name}`, given, allowed });
    return () => false;
  });
  return (request) => test(readAttribute(request, attributePath as string));
}

function compileTest(condition: unknown, refuse: (name: string, given: unknown, allowed: string) => Test): Test {
  const { operator, value, matches } = Object(condition) as Record<string, unknown>;
  if (operator === undefined && typeof matches === "function")
    return (actual) => matches.call(condition, actual) === true;
  if (!isOperator(operator)) return refuse("operator", operator, `one of ${operatorNames}, or "matches" in its place`);
  if (!operators[operator].accepts(value)) return refuse("value", value, operators[operator].allowed);
  try {
    return operators[operator].compile(value);
  } catch (error) {
    return refuse("value", value, messageOf(error));
  }
}

/** The value that a path leads to; `undefined` where it leads nowhere. Inherited properties are no attributes. */
export function readAttribute(request: unknown, path: string): unknown {
  let value = request;
  for (const name of path === "" ? [] : path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function isOperator(operator: unknown): operator is keyof typeof operators {
  return typeof operator === "string" && Object.hasOwn(operators, operator);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function contains(actual: unknown, value: unknown): boolean {
  if (Array.isArray(actual)) return actual.some((item) => isDeepStrictEqual(item, value));
  return isText(actual) && isText(value) && actual.includes(value);
}

function compileRegex(pattern: string): Test {
  const isFoundIn = compileLinearPattern(pattern);
  return (actual) => isText(actual) && isFoundIn(actual);
}

function comparison(holds: (order: number) => boolean): Operator {
  return {
    allowed: "a number or a text",
    accepts: (value) => (typeof value === "number" && !Number.isNaN(value)) || isText(value),
    compile: (value: number | string) => (actual) =>
      typeof actual === typeof value && holds(orderOf(actual as any, value)),
  };
}

/** `NaN` where the two have no order. */
function orderOf<T extends number | string>(a: T, b: T): number {
  if (a > b) return 1;
  if (a < b) return -1;
  return a === b ? 0 : Number.NaN;
}
