import { describe, expect, test } from "vitest";
import { InvalidOptionsError, messageOf, OrchestratorError, showValue } from "../../src/core/errors.ts";

describe("an error of ours", () => {
  const error = new InvalidOptionsError([{ path: "options.k", given: -1, allowed: "a whole number of at least 1" }]);

  test("is recognised by its class, and by its mark where a copy of the package made it", async () => {
    expect(OrchestratorError.isInstance(error)).toBe(true);
    expect(InvalidOptionsError.isInstance(error)).toBe(true);
    const path = "../../src/core/errors.ts?copy";
    const copy = (await import(path)) as typeof import("../../src/core/errors.ts");
    const foreign = new copy.InvalidOptionsError([]);
    expect(foreign).not.toBeInstanceOf(InvalidOptionsError);
    expect(InvalidOptionsError.isInstance(foreign)).toBe(true);
    expect(OrchestratorError.isInstance(foreign)).toBe(true);
  });

  test.each([new Error("x"), { code: "INVALID_OPTIONS" }, null, undefined, "INVALID_OPTIONS"])("is not %j", (other) => {
    expect(InvalidOptionsError.isInstance(other)).toBe(false);
    expect(OrchestratorError.isInstance(other)).toBe(false);
  });

  test("is none that cannot be looked at", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(OrchestratorError.isInstance(proxy)).toBe(false);
  });

  test("carries its name, its code and its facts, and hides its mark", () => {
    expect(error).toMatchObject({ name: "InvalidOptionsError", code: "INVALID_OPTIONS" });
    expect(error.message).toBe("options.k: got -1; allowed: a whole number of at least 1");
    expect(Object.keys(error)).not.toContain("Symbol(steer-llm-sdk.error)");
  });

  test("names every fault, a line each", () => {
    const two = new InvalidOptionsError([
      error.issues[0]!,
      { path: "options.budget", given: "5 €", allowed: "an object" },
    ]);
    expect(two.message.split("\n")).toHaveLength(3);
    expect(two.message).toContain('options.budget: got "5 €"');
  });
});

describe("a shown value", () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);

  test.each([
    ["text", '"text"'],
    ["x".repeat(1_000), `"${"x".repeat(78)}…`],
    [5, "5"],
    [Number.NaN, "NaN"],
    [undefined, "undefined"],
    [null, "null"],
    [12n, "12n"],
    [Symbol("s"), "Symbol(s)"],
    [function named() {}, "the function named"],
    [() => {}, "a function"],
    [{ a: [1] }, '{"a":[1]}'],
    [cycle, "an array that is not JSON"],
    [{ big: 1n }, "an object that is not JSON"],
  ])("of %o is one short line", (value, shown) => expect(showValue(value)).toBe(shown));
});

test("shows a value that cannot be read as one", () => {
  const broken = () => {
    throw new Error("trap");
  };
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect(showValue(Object.defineProperty(() => {}, "name", { value: Symbol("q") }))).toBe("a function");
  expect(showValue(proxy)).toBe("an object that cannot be read");
  expect(showValue(new Proxy(() => {}, { get: broken }))).toBe("a function that cannot be read");
});

describe("the message of what was thrown", () => {
  test.each([
    [new TypeError("oops"), "oops"],
    ["a string", "a string"],
    [undefined, "a thrown undefined: undefined"],
    [{ status: 500 }, 'a thrown object: {"status":500}'],
    [Object.assign(new Error("x"), { message: { detail: "quota" } }), '{"detail":"quota"}'],
    [Object.assign(new Error("x"), { message: 5n }), "5n"],
    [Object.assign(new Error("x"), { message: null }), "null"],
  ])("%o", (thrown, message) => expect(messageOf(thrown)).toBe(message));
});
