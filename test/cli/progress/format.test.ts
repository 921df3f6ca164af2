import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  answersOf,
  counted,
  cut,
  showDuration,
  showLines,
  showOnLine,
  showUsd,
  toColumns,
  toSafeJson,
} from "../../../src/cli/progress/format.ts";

describe("text for people", () => {
  test("a value is one line, whatever a model put into it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(showOnLine(text)).not.toMatch(/\p{Cc}/u);
        expect(showOnLine({ text })).not.toMatch(/\p{Cc}/u);
      }),
    );
    expect(showOnLine("\x1b[2Jgone\nforever\u009b31m")).toBe("[2Jgone forever 31m");
  });

  test("characters that reverse or hide text are shown by their number, and those that join letters and emoji stay", () => {
    expect(showOnLine("safe\u202e\u2066gpj.exe")).toBe("safe\\u{202e}\\u{2066}gpj.exe");
    expect(showOnLine({ "a\u2028b": "\u061c\ufeff\u00ad\u200b\u{e0041}" })).toBe(
      '{"a\\u{2028}b":"\\u{61c}\\u{feff}\\u{ad}\\u{200b}\\u{e0041}"}',
    );
    for (const text of ["نامه\u200cای", "👩\u200d💻 ❤\ufe0f", "שלום", "e\u0301", "٣ \u0600"])
      expect(showOnLine(text)).toBe(text);
  });

  test("several lines keep only their ends", () => {
    expect(showLines("one\n\x1b[2Jtwo\r\u202e\n\u2029")).toBe("one\n [2Jtwo \\u{202e}\n\\u{2029}");
  });

  test.each([
    [null, "cost unknown"],
    [0, "$0.00"],
    [1.005, "$1.00"],
    [0.00123, "$0.0012"],
    [0.0000004, "$0.00000040"],
  ])("%j dollars are %s", (costUsd, shown) => {
    expect(showUsd(costUsd)).toBe(shown);
  });

  test.each([
    [0, "0 s"],
    [59_000, "59 s"],
    [61_000, "1 min 1 s"],
    [3_660_000, "1 h 1 min"],
  ])("%i ms are %s", (ms, shown) => {
    expect(showDuration(ms)).toBe(shown);
  });

  test("JSON for a terminal moves and hides nothing, and reads back as the same value", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
        const shown = toSafeJson(value, 2);
        expect(shown.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u);
        expect(JSON.parse(shown)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    expect(toSafeJson("\u009b31m\u202e\u{e0041}")).toBe('"\\u009b31m\\u202e\\udb40\\udc41"');
  });

  test("columns line up under wide characters, emoji and colours", () => {
    expect(
      toColumns([
        ["東京", "1"],
        ["👩\u200d💻", "2"],
        ["\x1b[31mab\x1b[39m", "3"],
        ["abcd", "4"],
      ]),
    ).toEqual(["東京  1", "👩\u200d💻    2", "\x1b[31mab\x1b[39m    3", "abcd  4"]);
  });

  test("a cut text fits its columns and no character is cut in two", () => {
    expect(cut("東京都庁", 5)).toBe("東京…");
    expect(cut("👩\u200d💻👩\u200d💻", 3)).toBe("👩\u200d💻…");
    expect(cut("東京都庁", 8)).toBe("東京都庁");
    expect(cut("abc", 0)).toBe("…");
  });

  test("answers that are not live say what they are", () => {
    expect(answersOf(1, "live")).toBe("1 answer");
    expect(answersOf(3, "recorded")).toBe("3 recorded answers");
    expect(answersOf(3, "simulated")).toBe("3 simulated answers");
  });

  test("a long text is cut to its length, and says so", () => {
    expect(cut("abcdef", 4)).toBe("abc…");
    expect(cut("abcd", 4)).toBe("abcd");
    expect(counted(1, "line")).toBe("1 line");
    expect(counted(1234, "line")).toBe("1,234 lines");
  });
});
