/**
 * What `import "steer-llm-sdk"` costs a program: minified size and runtime packages, which are limits, and CPU time over
 * a bare Node, which is printed only: a time on a shared machine decides nothing. With names of packages, the CPU time of
 * importing those: `npm run import-cost -- valibot zod`.
 */
import { execFileSync } from "node:child_process";
import { build } from "tsdown";

/** The target of 60 KB is missed, for what docs/decisions/package.md says: statistics that `createEvidenceBundle` needs at once. */
const limits = { kilobytes: 150, packages: 3 };
const targets = { kilobytes: 60, cpuMs: 50 };

const names = process.argv.slice(2);
if (names.length > 0) for (const name of names) console.log(`${name}: ${describeTime(name)}`);
else await measureRoot();

async function measureRoot(): Promise<void> {
  const kilobytes = await minifiedKilobytes();
  const packages = loadedPackages();
  console.log(
    `= minified ${kilobytes.toFixed(1)} KB without dependencies (target ${targets.kilobytes}, limit ${limits.kilobytes})`,
  );
  console.log(`= runtime packages loaded: ${packages.join(", ") || "none"} (limit ${limits.packages})`);
  console.log(`= CPU of the import: ${describeTime("steer-llm-sdk")} (target ${targets.cpuMs} ms)`);
  process.exitCode = kilobytes > limits.kilobytes || packages.length > limits.packages ? 1 : 0;
}

/** The root entry as one file, with everything of ours that it loads at once; what is loaded on first use stays outside. */
async function minifiedKilobytes(): Promise<number> {
  const { bundles } = await build({
    entry: { index: "dist/index.js" },
    plugins: [{ name: "first-use", resolveDynamicImport: (id) => ({ id: String(id), external: true }) }],
    config: false,
    dts: false,
    write: false,
    clean: false,
    minify: true,
    logLevel: "silent",
  });
  const codes = bundles.flatMap(({ chunks }) =>
    chunks.flatMap((chunk) => (chunk.type === "chunk" ? [chunk.code] : [])),
  );
  return Buffer.byteLength(codes.join("")) / 1000;
}

/** The packages of node_modules whose files Node loads with the root. */
function loadedPackages(): string[] {
  const program = `
    import { registerHooks } from "node:module";
    registerHooks({ load(url, context, nextLoad) { console.log(url); return nextLoad(url, context); } });
    await import("steer-llm-sdk");`;
  const loaded = runModule(program).matchAll(/node_modules\/((?:@[^/]+\/)?[^/\n]+)\//g);
  return [...new Set([...loaded].map(([, name]) => name as string))].sort();
}

/** Medians over several starts in turn, so that a change of the machine's speed meets both alike. */
function describeTime(name: string): string {
  const printCpu = "const { user, system } = process.cpuUsage(); console.log((user + system) / 1000);";
  const bare: number[] = [];
  const added: number[] = [];
  for (let start = 0; start < 15; start++) {
    bare.push(Number(runModule(printCpu)));
    added.push(Number(runModule(`await import(${JSON.stringify(name)}); ${printCpu}`)) - (bare.at(-1) as number));
  }
  return `${median(added).toFixed(0)} ms over ${median(bare).toFixed(0)} ms of bare Node`;
}

function runModule(program: string): string {
  return execFileSync(process.execPath, ["--input-type=module", "--eval", program], { encoding: "utf8" });
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
