/** Rules of this repository that no linter knows. Prints each fault with its place, and fails if there is one. */
import { findUndecided } from "./rules/decisions.ts";
import { findAmbientTimeAndChance } from "./rules/injected.ts";
import { findMachinePaths } from "./rules/machine-paths.ts";

import { findUnreadOptions } from "./rules/unread-options.ts";
import { readSourceProgram } from "./source-program.ts";

const program = readSourceProgram();
const faults = [
  ...findAmbientTimeAndChance(program),
  ...findUnreadOptions(program),
  ...findMachinePaths(),
  ...findUndecided(),
];
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
