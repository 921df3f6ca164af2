import { expect, test } from "vitest";
import { createTerminal } from "../../../src/cli/progress/terminal.ts";
import { WaitLines } from "../../../src/cli/progress/waiting.ts";
import { createFakeClock } from "../../../src/testing/fake-clock.ts";

test("tells of a wait when it begins, when its reason is another one, once a minute, and when it is over", async () => {
  const clock = createFakeClock();
  const lines: string[] = [];
  const waits = new WaitLines((line) => lines.push(line), createTerminal({ write: () => {} }, {}), clock);
  const tell = (why: string) => waits.wait({ why, untilMs: clock.now() + 8_000, giveUpAtMs: 3_600_000 });
  for (let second = 0; second < 90; second += 10) {
    tell("it is\x1b[31m down");
    await clock.advance(10_000);
  }
  tell("the key is slow");
  waits.wait(undefined);
  waits.wait(undefined);
  expect(lines).toEqual([
    expect.stringMatching(
      /^waits until \d\d:\d\d:\d\d \(8 s\) {2}it is \[31m down {2}gives up at \d\d:\d\d:\d\d, or by Ctrl-C$/,
    ),
    expect.stringContaining("it is"),
    expect.stringContaining("the key is slow"),
    "goes on",
  ]);
});
