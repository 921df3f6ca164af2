/**
 * Prints the built-in modules of Node that each entry of the built package imports when it is loaded.
 * Fails where the entries of programs on the edge load one that Cloudflare Workers (`nodejs_compat`), Bun or Deno lack.
 */
import { readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import manifest from "../package.json" with { type: "json" };

/** Entries without files, databases and test runners of Node. */
const onTheEdge = [
  ".",
  "./orchestration",
  "./planning",
  "./reliability",
  "./evidence",
  "./events",
  "./stores/memory",
  "./stores/postgres",
];
const everywhere = new Set(["node:async_hooks", "node:crypto", "node:events", "node:module", "node:util"]);

console.log(`${"entry".padEnd(22)}loads`);
for (const [entry, path] of Object.entries(manifest.exports).filter(([, path]) => path.endsWith(".js"))) {
  const loaded = builtInsOf(path);
  console.log(`${entry.padEnd(22)}${[...loaded.keys()].toSorted().join(", ") || "none"}`);
  if (!onTheEdge.includes(entry)) continue;
  for (const [name, file] of loaded) {
    if (everywhere.has(name)) continue;
    console.error(`${entry} loads ${name} in ${file}, which edge runtimes lack. Import it where it is first used.`);
    process.exitCode = 1;
  }
}

/** The built-in modules that a file and its static imports load, each with a file that imports it. */
function builtInsOf(entry: string): Map<string, string> {
  const found = new Map<string, string>();
  const files = new Set([resolve(entry)]);
  for (const file of files) {
    for (const [, target = ""] of readFileSync(file, "utf8").matchAll(/^(?:import|export)\b[^;]*?"([^"\n]+)";/gm)) {
      if (target.startsWith(".")) files.add(resolve(dirname(file), target));
      else if (target.startsWith("node:")) found.set(target, relative(".", file));
    }
  }
  return found;
}
