import { exitCode } from "../exit-code.ts";
import { counted } from "../progress/format.ts";
import { type StoreFlags, withStore } from "./open-managed-store.ts";
import { printJson } from "./print-json.ts";

/**
 * Prints what is damaged in a store.
 *
 * @returns the exit code
 */
export async function verifyStore(flags: StoreFlags): Promise<number> {
  const problems = await withStore(flags, (store) => store.verify());
  if (flags.json) printJson({ problems });
  else process.stdout.write(describe(problems));
  return problems.length > 0 ? exitCode.someFailed : exitCode.done;
}

function describe(problems: readonly string[]): string {
  if (problems.length === 0) return "Nothing is damaged.\n";
  return `${problems.map((problem) => `${problem}\n`).join("")}${counted(problems.length, "problem")}\n`;
}
