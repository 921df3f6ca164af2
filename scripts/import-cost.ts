/**
 * What `import "steer-llm-sdk"` costs a program: minified size and runtime packages, which are limits, and CPU time over
 * a bare Node, which is printed only: a time on a shared machine decides nothing.
 */
import { execFileSync } from "node:child_process";
import { build } from "tsdown";

const limits = { kilobytes: 60, packages: 3 };
const targetMs = 50;

const kilobytes = await minifiedKilobytes();
const packages = loadedPackages();
const { bareMs, addedMs } = importTime(15);

console.log(`= minified ${kilobytes.toFixed(1)} KB without dependencies (limit ${limits.kilobytes})`);
console.log(`= runtime packages loaded: ${packages.join(", ") || "none"} (limit ${limits.packages})`);
console.log(
  `= CPU of the import: ${addedMs.toFixed(0)} ms over ${bareMs.toFixed(0)} ms of bare Node (target ${targetMs})`,
);
process.exitCode = kilobytes > limits.kilobytes || packages.length > limits.packages ? 1 : 0;

/** The root entry with everything of ours that it loads at once; what is loaded on first use is not counted. */
async function minifiedKilobytes(): Promise<number> {
  const { bundles } = await build({
    entry: { index: "dist/index.js" },
    config: false,
    dts: false,
    write: false,
    clean: false,
    minify: true,
    logLevel: "silent",
  });
  const chunks = new Map(bundles.flatMap((bundle) => bundle.chunks.map((chunk) => [chunk.fileName, chunk])));
  const counted = new Set<string>();
  const count = (fileName: string): number => {
    const chunk = chunks.get(fileName);
    if (chunk?.type !== "chunk" || counted.has(fileName)) return 0;
    counted.add(fileName);
    return chunk.imports.reduce((bytes, imported) => bytes + count(imported), Buffer.byteLength(chunk.code));
  };
  return count("index.js") / 1000;
}

/** The packages of node_modules whose files Node loads with the root. */
function loadedPackages(): string[] {
  const program = `
    import { registerHooks } from "node:module";
    registerHooks({ load(url, context, nextLoad) { console.log(url); return nextLoad(url, context); } });
    await import("steer-llm-sdk");`;
  const names = runModule(program).matchAll(/node_modules\/((?:@[^/]+\/)?[^/\n]+)\//g);
  return [...new Set([...names].map(([, name]) => name as string))].sort();
}

/** Medians over several starts in turn, so that a change of the machine's speed meets both alike. */
function importTime(starts: number): { bareMs: number; addedMs: number } {
  const cpuMs = "const { user, system } = process.cpuUsage(); console.log((user + system) / 1000);";
  const bare: number[] = [];
  const added: number[] = [];
  for (let start = 0; start < starts; start++) {
    bare.push(Number(runModule(cpuMs)));
    added.push(Number(runModule(`await import("steer-llm-sdk"); ${cpuMs}`)) - (bare.at(-1) as number));
  }
  return { bareMs: median(bare), addedMs: median(added) };
}

function runModule(program: string): string {
  return execFileSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" });
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
