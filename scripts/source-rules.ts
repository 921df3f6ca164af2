/** Rules of this repository that no linter knows. Prints each fault with its place, and fails if there is one. */
import { findAmbientTimeAndChance } from "./rules/injected.ts";
import { findDeadLinks, findUnlistedPages } from "./rules/links.ts";
import { findMachinePaths } from "./rules/machine-paths.ts";
import { findOpenPeers } from "./rules/open-peers.ts";
import { findUnguardedImports } from "./rules/optional-imports.ts";
import { findUndecidedPackages } from "./rules/undecided-packages.ts";
import { findUnreadOptions } from "./rules/unread-options.ts";
import { readSourceProgram } from "./source-program.ts";

const program = readSourceProgram();
const faults = [
  ...findAmbientTimeAndChance(program),
  ...findUnreadOptions(program),
  ...findUnguardedImports(program),
  ...findMachinePaths(),
  ...findUndecidedPackages(),
  ...findOpenPeers(),
  ...findDeadLinks(),
  ...findUnlistedPages(),
];
for (const fault of faults) console.error(fault);
process.exitCode = faults.length > 0 ? 1 : 0;
