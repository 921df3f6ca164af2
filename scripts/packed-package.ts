/**
 * Puts what npm would publish into an empty project, with its runtime dependencies alone, and uses it there: every entry
 * point is imported, the command is run, and every link of its pages leads to a file that is there. A file that is missing from
 * the package, or a development dependency that the package needs, shows here. The program of README.md is bundled into one file,
 * which runs where no package is installed; `scripts/bundlers.ts` does that with every bundler and runtime.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { build } from "esbuild";
import manifest from "../package.json" with { type: "json" };
import { asFunction, startModelServer, run as startProgram, userPrograms, variablesOf } from "./bundlers/programs.ts";
import { deadLinksIn } from "./rules/links.ts";

const project = mkdtempSync(join(tmpdir(), "steer-packed-"));
const installed = join(project, "node_modules", manifest.name);

try {
  mkdirSync(installed, { recursive: true });
  const packed = run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", project], ".");
  const [{ filename, unpackedSize, entryCount }] = JSON.parse(packed);
  run("tar", ["-xzf", join(project, filename), "--strip-components=1", "-C", installed]);
  for (const name of Object.keys(manifest.dependencies)) link(name);

  const pages = readdirSync(installed, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".md"));
  const dead = pages.flatMap((page) => deadLinksIn(page, installed));
  if (dead.length > 0) throw new Error(`Links of the package lead nowhere:\n${dead.join("\n")}`);

  const entries = Object.keys(manifest.exports).filter((entry) => entry !== "./package.json");
  const imports = entries.map((entry) => `await import("${entry.replace(".", manifest.name)}");`);
  run(process.execPath, ["--input-type=module", "--eval", imports.join("\n")]);
  const steer = join(installed, manifest.bin.steer);
  run(process.execPath, [steer, "--help"]);
  run(process.execPath, [steer, "demo", "--questions", "3"]);
  await runBundled();
  console.log(`= ${entryCount} files, ${(unpackedSize / 1e6).toFixed(2)} MB unpacked`);
} finally {
  rmSync(project, { recursive: true });
}

/** Bundles a user's programs as modules and as CommonJS, and runs each by itself. */
async function runBundled(): Promise<void> {
  for (const name of ["@ai-sdk/openai", "zod"]) link(name);
  const elsewhere = mkdtempSync(join(tmpdir(), "steer-bundled-"));
  await using server = await startModelServer();
  for (const { name, code, prints } of userPrograms()) {
    const source = join(project, "program.ts");
    writeFileSync(source, `${asFunction(code, "async function main()")}main().then(([first]) => console.log(first));`);
    for (const [format, outfile] of [
      ["esm", join(elsewhere, "program.mjs")],
      ["cjs", join(elsewhere, "program.cjs")],
    ] as const) {
      await build({ entryPoints: [source], outfile, format, bundle: true, platform: "node", logLevel: "error" });
      const printed = await startProgram(process.execPath, [outfile], { cwd: elsewhere, env: variablesOf(server) });
      if (!prints.test(printed)) throw new Error(`${name}, bundled as ${format}, printed\n${printed}`);
    }
  }
  rmSync(elsewhere, { recursive: true });
}

function link(name: string): void {
  const target = join(project, "node_modules", name);
  mkdirSync(dirname(target), { recursive: true });
  symlinkSync(resolve("node_modules", name), target, "junction");
}

function run(program: string, parameters: readonly string[], folder = project): string {
  return execFileSync(program, parameters, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}
