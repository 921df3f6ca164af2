import { describe, expect, test } from "vitest";
import { createTerminal } from "../../../src/cli/progress/terminal.ts";

const stream = (isTTY: boolean) => ({ write: () => true, isTTY, hasColors: () => true, rows: 0, columns: 0 });

describe("createTerminal", () => {
  test.each([
    { isTTY: true, env: {}, isColorful: true, isLive: true },
    { isTTY: false, env: {}, isColorful: false, isLive: false },
    { isTTY: true, env: { NO_COLOR: "1" }, isColorful: false, isLive: true },
    { isTTY: false, env: { FORCE_COLOR: "1" }, isColorful: true, isLive: false },
    { isTTY: false, env: { FORCE_COLOR: "1", NO_COLOR: "1" }, isColorful: false, isLive: false },
    { isTTY: true, env: { TERM: "dumb" }, isColorful: true, isLive: false },
  ])(
    "with a terminal $isTTY and $env, colours are $isColorful and drawing over is $isLive",
    ({ isTTY, env, isColorful, isLive }) => {
      const terminal = createTerminal(stream(isTTY), env);
      expect({ isColorful: terminal.colors.isColorSupported, isLive: terminal.isLive }).toEqual({ isColorful, isLive });
    },
  );

  test("a terminal that does not know its size gets a usual one", () => {
    expect(createTerminal(stream(true), {})).toMatchObject({ rows: 24, columns: 80 });
  });
});
