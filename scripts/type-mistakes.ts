/**
 * Holds the messages of the compilers for typical mistakes against those of before: `npm run type-mistakes` rewrites
 * test/types/mistakes/typescript-*.txt, so that a change of the types shows how it speaks to a user.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";

const folder = "test/types/mistakes";
const compilers = { "typescript-6": "typescript", "typescript-7": "typescript-native" };

let isAsKept = true;
for (const [name, compiler] of Object.entries(compilers)) {
  const path = `${folder}/${name}.txt`;
  const said = messagesOf(compiler);
  if (!process.argv.includes("--check")) writeFileSync(path, said);
  else if (said !== readFileSync(path, "utf8")) {
    isAsKept = false;
    console.log(`${path} is not what the compiler says. Run npm run type-mistakes and review the change.\n${said}`);
  }
}
process.exitCode = isAsKept ? 0 : 1;

/** Errors of a compiler, each under the line that it stands at. */
function messagesOf(compiler: string): string {
  const tsc = [`node_modules/${compiler}/bin/tsc`, "--project", folder, "--pretty", "false"];
  const { stdout } = spawnSync(process.execPath, tsc, { encoding: "utf8" });
  return stdout.replaceAll(`${folder}/`, "").replaceAll(/\r/g, "");
}
