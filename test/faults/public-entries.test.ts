import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { entriesIn } from "../../bench/public-fuzz/entries.ts";

describe("the public entries", () => {
  test("are functions, constructors and methods of the reports in api/", () => {
    const report = `
// @public
export function classify(error: unknown, nowMs?: number): Classification;

// @public
export abstract class Tool<Input = unknown> {
    constructor(options?: object);
    abstract execute(request: Input): Promise<unknown>;
    // (undocumented)
    readonly name: string;
    on<E extends string>(type: E, listener: (event: {
        type: E;
    }) => void): () => void;
    static isInstance(error: unknown): boolean;
}

// @public
export interface Guard {
    run(): void;
}
`;
    expect(entriesIn(report)).toEqual(["classify", "new Tool", "Tool.execute", "Tool.on", "Tool.isInstance"]);
  });

  test("have a probe or a reason each, refuse hostile input by errors of ours, and take steps in line with its size", async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--no-warnings", "bench/public-fuzz.ts", "--steps", "--json"],
      { maxBuffer: 2 ** 24 },
    ).catch((error) => error);
    const { rows, faults } = JSON.parse(stdout);
    expect(faults).toEqual([]);
    // The counters count.
    expect(rows["normalizeText"]["4 KiB"]).toBeGreaterThan(10_000);
  }, 600_000);
});
