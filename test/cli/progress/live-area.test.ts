import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createTerminal, LiveArea } from "../../../src/cli/progress/terminal.ts";
import { Screen } from "./screen.ts";

const lineText = fc.string({ unit: fc.constantFrom("a", "漢", " ", "x"), minLength: 1 });
const steps = fc.array(
  fc.oneof(fc.record({ print: lineText }), fc.record({ draw: fc.array(lineText, { maxLength: 6 }) })),
  { maxLength: 20 },
);

describe("LiveArea", () => {
  test("the screen holds every printed line in order, and below them what was drawn last", () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const screen = new Screen();
        const area = new LiveArea(createTerminal({ write: (text) => screen.write(text), isTTY: true }, {}));
        const printed: string[] = [];
        let drawn: string[] = [];
        for (const step of taken) {
          if ("print" in step) {
            printed.push(step.print);
            area.print(step.print);
          } else {
            drawn = step.draw;
            area.draw(drawn);
          }
          expect(screen.shown).toEqual([...printed, ...drawn]);
        }
      }),
    );
  });

  test("an area that is higher than the screen is cut", () => {
    const screen = new Screen();
    const area = new LiveArea(createTerminal({ write: (text) => screen.write(text), isTTY: true, rows: 4 }, {}));
    area.draw(["1", "2", "3", "4", "5"]);
    expect(screen.shown).toEqual(["1", "2", "…"]);
  });

  test("a pipe gets plain lines and no escape sequence", () => {
    let written = "";
    const area = new LiveArea(createTerminal({ write: (text) => (written += text) }, {}));
    area.print("one");
    area.draw(["two", "three"]);
    expect(written).toBe("one\ntwo\nthree\n");
  });
});
