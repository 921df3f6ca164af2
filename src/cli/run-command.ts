import { CommanderError } from "commander";
import { isOrchestratorError } from "../contract/errors.ts";
import { CommandError, codeOfOutput, exitCode } from "./faults.ts";
import { createProgram } from "./program.ts";
import { showLines } from "./progress/format.ts";

/** Runs the command that the process was started with; sets its exit code. */
export async function runCommand(): Promise<void> {
  let outputCode: number | undefined;
  process.stdout.on("error", (error) => {
    const isFirst = outputCode === undefined;
    outputCode = codeOfOutput(error);
    process.exitCode = outputCode;
    if (isFirst && outputCode !== exitCode.brokenPipe)
      process.stderr.write(`Standard output cannot be written: ${error.message}\n`);
  });
  try {
    await createProgram((code) => {
      process.exitCode = outputCode ?? code;
    }).parseAsync();
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** Says what went wrong, in as many words as it needs: a stack only where the fault is ours. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCode.done : exitCode.unusable;
  if (error instanceof CommandError || isOrchestratorError(error)) {
    process.stderr.write(`${showLines(error.message)}\n`);
    return error instanceof CommandError ? error.exitCode : exitCode.unusable;
  }
  const stack = showLines(String((error as Error)?.stack ?? error));
  process.stderr.write(`steer met a fault of its own. Please report it with this:\n${stack}\n`);
  return exitCode.internal;
}
