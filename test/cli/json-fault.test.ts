import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { locateJsonFault } from "../../src/cli/faults.ts";

function faultOf(text: string) {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return locateJsonFault(text, error);
  }
}

describe("locateJsonFault", () => {
  test.each([
    ["", 0],
    ['{"a":1', 6],
    ['{"a":1,}', 7],
    ["{a:1}", 1],
    ['{"a": tru}', 9],
    ["[1,,2]", 3],
    ['{"a":}', 5],
    ['{"a":1}}', 7],
    ["@", 0],
    ['{"a":"x\ny"}', 7],
  ])("%j breaks at %i", (text, offset) => {
    expect(faultOf(text)?.offset).toBe(offset);
  });

  test("everything before the fault is the beginning of some JSON, and with the fault it is not", () => {
    const broken = fc
      .tuple(fc.json(), fc.nat(), fc.constantFrom("@", ",", "}", "]", ":", "nul", "'", "x"))
      .map(([json, at, noise]) => json.slice(0, at % (json.length + 1)) + noise + json.slice(at % (json.length + 1)));
    fc.assert(
      fc.property(broken, (text) => {
        const fault = faultOf(text);
        if (!fault) return;
        expect(faultOf(text.slice(0, fault.offset))?.offset ?? fault.offset).toBe(fault.offset);
        const withFault = faultOf(text.slice(0, fault.offset + 1));
        expect(withFault?.offset).toBe(fault.offset);
      }),
      { numRuns: 2000 },
    );
  });
});
