import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson, fingerprint, snapshot } from "../../src/core/canonical.ts";
import { InvalidOptionsError } from "../../src/core/errors.ts";

/** The same value with the keys of every object in another order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  );
}

describe("canonical JSON", () => {
  test("is the same whatever the order of the keys, and means the value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  test("orders keys by code units and writes numbers as RFC 8785 does", () => {
    expect(
      canonicalJson({ "\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\ud83d\ude00": 5, "\u0080": 6, "\u00f6": 7 }),
    ).toBe('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\ud83d\ude00":5,"\ufb33":3}');
    expect(canonicalJson([1e30, 4.5, 0.002, 1e-27, -0, 333333333.3333333])).toBe(
      "[1e+30,4.5,0.002,1e-27,0,333333333.3333333]",
    );
    expect(canonicalJson(undefined)).toBe("null");
  });

  test("tells halves of surrogate pairs apart, in values and in keys", () => {
    const texts = ["\ud83d", "\ud83e", "\ude00", "\\ud83d", "\ud83d\ude00", "\\\ud83d"];
    const values = texts.flatMap((text) => [text, { [text]: 1 }]);
    expect(new Set(values.map(fingerprint)).size).toBe(values.length);
    for (const value of values) expect(canonicalJson(value).isWellFormed()).toBe(true);
  });

  test("refuses what it has no text for", () => {
    for (const value of [Number.NaN, 1n, [Number.POSITIVE_INFINITY]]) expect(() => canonicalJson(value)).toThrow();
  });

  test("has a fingerprint of SHA-256", () => {
    expect(fingerprint({})).toBe("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    expect(fingerprint({ a: 1, b: [] })).toBe(fingerprint({ b: [], a: 1 }));
  });
});

describe("a snapshot", () => {
  test("equals the value, shares none of its objects, and cannot be changed", () => {
    const everyObject = (value: unknown): object[] =>
      typeof value === "object" && value !== null ? [value, ...Object.values(value).flatMap(everyObject)] : [];
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const before = JSON.stringify(value);
        const copied = snapshot(value, "request");
        expect(copied).toEqual(value);
        expect(JSON.stringify(value)).toBe(before);
        expect(everyObject(copied).every(Object.isFrozen)).toBe(true);
        expect(everyObject(value).some((object) => everyObject(copied).includes(object))).toBe(false);
        expect(everyObject(value).some(Object.isFrozen)).toBe(false);
      }),
    );
  });

  test("keeps prototype keys as plain keys", () => {
    const value = JSON.parse('{"__proto__":{"polluted":true},"constructor":1}');
    const copied = snapshot(value, "request");
    expect(JSON.stringify(copied)).toBe('{"__proto__":{"polluted":true},"constructor":1}');
    expect(Object.getPrototypeOf(copied)).toBe(Object.prototype);
    expect((copied as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test("leaves dates, buffers, class instances and functions as they are", () => {
    class Point {
      x = 1;
    }
    const value = { date: new Date(0), bytes: Buffer.from("x"), point: new Point(), fn: () => 1 };
    const copied = snapshot(value, "request");
    for (const key of ["date", "bytes", "point", "fn"] as const) expect(copied[key]).toBe(value[key]);
    expect(Object.isFrozen(copied.point)).toBe(false);
  });

  test("refuses a value that contains itself, naming the place, and takes one that occurs twice", () => {
    const cycle: { list: unknown[] } = { list: [] };
    cycle.list.push({ back: cycle });
    expect(() => snapshot(cycle, "request")).toThrow("request.list[0].back");
    const shared = { x: 1 };
    expect(snapshot({ a: shared, b: [shared] }, "request")).toEqual({ a: { x: 1 }, b: [{ x: 1 }] });
  });

  test("refuses what is too deep for JSON, before the stack runs out", () => {
    const nest = (levels: number) => JSON.parse("[".repeat(levels) + "]".repeat(levels));
    expect(() => snapshot(nest(1_000), "request")).not.toThrow();
    for (const levels of [1_001, 100_000]) expect(() => snapshot(nest(levels), "request")).toThrow(InvalidOptionsError);
    expect(() => snapshot(nest(1_001), "request")).toThrow("at most 1000 levels");
  });
});
