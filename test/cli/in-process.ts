import { onTestFinished, vi } from "vitest";
import { CommandError } from "../../src/cli/faults.ts";
import { createProgram } from "../../src/cli/program.ts";
import type { Ended } from "./steer.ts";

/** Runs a command in this process, one at a time: a fraction of the time of a process of its own. */
export async function steerHere(parameters: readonly string[], { cwd }: { readonly cwd: string }): Promise<Ended> {
  const before = process.cwd();
  const out = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((stream) =>
    vi.spyOn(process[stream], "write").mockImplementation((text) => {
      out[stream] += text;
      return true;
    }),
  );
  const restore = () => {
    for (const spy of spies) spy.mockRestore();
    process.chdir(before);
  };
  onTestFinished(restore);
  process.chdir(cwd);
  let code = 0;
  try {
    await createProgram((given) => {
      code = given;
    }).parseAsync(["node", "steer", ...parameters]);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    out.stderr += error.message;
    code = error.exitCode;
  } finally {
    restore();
  }
  return { code, signal: null, ...out };
}
