import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const run = promisify(execFile);
const programs = join(import.meta.dirname, "programs");

/** Runs a program as a user would: against the built package, by its name. */
async function runProgram(name: string): Promise<string> {
  const { stdout } = await run(process.execPath, [join(programs, name)], { timeout: 60_000 });
  return stdout;
}

// The others need a network or a key, or refuse on purpose what they show not to compile.
describe("a user's program runs as it stands", () => {
  test("the reference's complete example: the tool is chosen, and gives a bundle", async () => {
    const output = await runProgram("01-seed.ts");
    expect(output).toMatch(/analysis_bundle: \{\s+version: '2.0.0'/);
    expect(output).toContain("Confidence: 0 null");
    expect(output).toContain("Cost: $0.0000");
  });

  test("a test of a program's own, on a clock that stands still", async () => {
    expect(await runProgram("08-test.ts")).toMatch(/pass 1\n.*fail 0/);
  });

  test("the statistics alone", async () => {
    await runProgram("09-evidence.ts");
  });
});
