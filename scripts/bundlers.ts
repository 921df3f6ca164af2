/**
 * Puts what npm would publish, with `@ai-sdk/openai` and `zod` alone beside it, into an empty project; bundles the program of
 * README.md there with every bundler that our users have, runs it in every runtime, and prints a table. A package that the
 * registry does not hand out is named in the table; a program that fails ends the run with status 1.
 *
 * `node scripts/bundlers.ts --only vite,bun` tries some of them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import manifest from "../package.json" with { type: "json" };
import { asFunction, run, startModelServer, type UserProgram, userPrograms, variablesOf } from "./bundlers/programs.ts";

interface Attempt {
  readonly tool: string;
  readonly how: string;
  /** Installed for this attempt, beside those before it. */
  readonly packages: readonly string[];
  /** Default: both programs of a user. */
  readonly only?: string;
  /** Builds and runs a program. Returns what it printed, and the size of what was built, if anything was. */
  try(program: UserProgram): Promise<{ readonly printed: string; readonly bytes?: number }>;
}

const project = mkdtempSync(join(tmpdir(), "steer-bundlers-"));
const elsewhere = mkdtempSync(join(tmpdir(), "steer-bundled-"));
const bin = (name: string) => join(project, "node_modules/.bin", name);
const esbuild = ["esbuild@0.28.2"];
const next = [
  "next@16.4.6",
  "react@19.3.0",
  "react-dom@19.3.0",
  "typescript@6.0.3",
  "@types/react@19",
  "@types/node@24",
];

const attempts: readonly Attempt[] = [
  {
    tool: "esbuild",
    how: "one module, run away from node_modules",
    packages: esbuild,
    try: (of) => byEsbuild(of, "esm"),
  },
  { tool: "esbuild", how: "one CommonJS file, run there", packages: esbuild, try: (of) => byEsbuild(of, "cjs") },
  { tool: "vite", how: "SSR build, packages outside", packages: ["vite@8.4.0"], try: (of) => byVite(of, false) },
  {
    tool: "vite",
    how: "SSR build, packages inside, run away from node_modules",
    packages: ["vite@8.4.0"],
    try: (of) => byVite(of, true),
  },
  { tool: "next", how: "route handler, Turbopack, Node.js runtime", packages: next, try: (of) => byNext(of, []) },
  {
    tool: "next",
    how: "route handler, webpack, Node.js runtime",
    packages: next,
    try: (of) => byNext(of, ["--webpack"]),
  },
  {
    tool: "workerd",
    how: "Cloudflare Worker by esbuild, nodejs_compat",
    packages: [...esbuild, "miniflare@4.20260730.0"],
    only: "README",
    try: inWorker,
  },
  { tool: "bun", how: "as it is", packages: ["bun@1.4.5"], try: (of) => unbundled(of, bin("bun"), ["run"]) },
  {
    tool: "deno",
    how: "as it is",
    packages: ["deno@2.9.6"],
    try: (of) => unbundled(of, bin("deno"), ["run", "--allow-all"]),
  },
];

const { values } = parseArgs({ options: { only: { type: "string" } } });
const wanted = values.only?.split(",");
await using server = await startModelServer();
try {
  await install(
    await packed(),
    `@ai-sdk/openai@${manifest.devDependencies["@ai-sdk/openai"]}`,
    `zod@${manifest.devDependencies.zod}`,
  );
  console.log("| tool | how | program | result | built | seconds |\n| --- | --- | --- | --- | --- | --- |");
  for (const attempt of attempts) if (wanted?.includes(attempt.tool) ?? true) await show(attempt);
  console.log(
    `\nNode ${process.versions.node} runs what bundlers built. The model is a server on this machine that speaks OpenAI's protocol.`,
  );
} finally {
  for (const folder of [project, elsewhere]) rmSync(folder, { recursive: true, force: true });
}

async function packed(): Promise<string> {
  const told = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", project], { cwd: "." });
  const [{ filename }] = JSON.parse(told);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "program", private: true, type: "module" }));
  return join(project, filename);
}

function install(...packages: readonly string[]): Promise<string> {
  return run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", ...packages], { cwd: project });
}

async function show({ tool, how, packages, only, try: attempt }: Attempt): Promise<void> {
  const name = `${packages.find((one) => one.startsWith(`${tool}@`)) ?? packages.at(-1)}`;
  try {
    await install(...packages);
  } catch (error) {
    const reason = /npm error (?!code)(.+)/.exec(String(error))?.[1] ?? String(error).split("\n")[0];
    console.log(`| ${name} | ${how} | | not installed: ${reason} | | |`);
    return;
  }
  for (const program of userPrograms().filter((one) => only === undefined || one.name === only)) {
    const startedAt = performance.now();
    const result = await attempt(program).catch((error: unknown) => ({ printed: String(error), bytes: undefined }));
    const ran = program.prints.test(result.printed);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const built = result.bytes === undefined ? "" : `${(result.bytes / 1e6).toFixed(1)} MB`;
    console.log(`| ${name} | ${how} | ${program.name} | ${ran ? "ran" : "FAILED"} | ${built} | ${seconds} |`);
    if (ran) continue;
    console.error(result.printed);
    process.exitCode = 1;
  }
}

async function byEsbuild({ code }: UserProgram, format: "esm" | "cjs") {
  const built = join(elsewhere, `program.${format === "esm" ? "mjs" : "cjs"}`);
  const entry = write("program.ts", asScript(code));
  const flags = ["--bundle", "--platform=node", `--format=${format}`, `--outfile=${built}`, "--log-level=error"];
  await run(bin("esbuild"), [entry, ...flags], { cwd: project });
  return {
    printed: await run(process.execPath, [built], { cwd: elsewhere, env: variablesOf(server) }),
    bytes: sizeOf(built),
  };
}

async function byVite({ code }: UserProgram, isWhole: boolean) {
  const entry = write("program.ts", asScript(code));
  const outDir = join(isWhole ? elsewhere : project, "vite-built");
  write("vite.config.mjs", `export default { ssr: { noExternal: ${isWhole || "[]"} } };`);
  await run(bin("vite"), ["build", "--ssr", entry, "--outDir", outDir, "--emptyOutDir"], { cwd: project });
  if (isWhole) writeFileSync(join(outDir, "package.json"), '{ "type": "module" }');
  const printed = await run(process.execPath, [join(outDir, "program.js")], { cwd: outDir, env: variablesOf(server) });
  return { printed, bytes: sizeOf(outDir) };
}

async function byNext({ code }: UserProgram, flags: readonly string[]) {
  write("app/layout.tsx", 'export default ({ children }: any) => <html lang="en"><body>{children}</body></html>;');
  const route =
    'export const dynamic = "force-dynamic";\nexport const GET = async () => new Response(inspect((await answer())[0]));';
  write(
    "app/triage/route.ts",
    `import { inspect } from "node:util";\n${asFunction(code, "async function answer()")}${route}`,
  );
  const env = { ...variablesOf(server), NEXT_TELEMETRY_DISABLED: "1", NODE_ENV: "production" };
  await run(bin("next"), ["build", ...flags], { cwd: project, env });
  const port = await freePort();
  const started = spawn(
    process.execPath,
    [join(project, "node_modules/next/dist/bin/next"), "start", "-H", "127.0.0.1", "-p", `${port}`],
    {
      cwd: project,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  try {
    await says(started, /Ready/);
    const response = await fetch(`http://127.0.0.1:${port}/triage`);
    return { printed: await response.text(), bytes: sizeOf(join(project, ".next/server/app/triage")) };
  } finally {
    started.kill();
  }
}

/** JSON schemas are not tried: Workers forbid the code generation by which they are checked. */
async function inWorker({ code }: UserProgram) {
  const respond = "export default { fetch: async () => new Response(inspect((await answer())[0])) };";
  const source = `import { inspect } from "node:util";\n${asFunction(code, "async function answer()")}${respond}`;
  const built = join(elsewhere, "worker.mjs");
  const flags = ["--bundle", "--format=esm", "--conditions=workerd,worker", "--external:node:*", "--external:crypto"];
  await run(bin("esbuild"), [write("worker.ts", source), ...flags, `--outfile=${built}`, "--log-level=error"], {
    cwd: project,
  });
  const host = `
    import { Miniflare } from "miniflare";
    const modules = [{ type: "ESModule", path: ${JSON.stringify(built)} }];
    const flags = { compatibilityDate: "2026-04-01", compatibilityFlags: ["nodejs_compat"] };
    const host = new Miniflare({ modules, modulesRoot: "/", ...flags, bindings: ${JSON.stringify(variablesOf(server))} });
    console.log(await (await host.dispatchFetch("http://localhost/")).text());
    await host.dispose();`;
  return { printed: await run(process.execPath, [write("host.mjs", host)], { cwd: project }), bytes: sizeOf(built) };
}

/** Runs the program from its source, and the quickstart of examples/ after it. */
async function unbundled({ code }: UserProgram, runtime: string, parameters: readonly string[]) {
  const printed = await run(runtime, [...parameters, write("program.ts", code)], {
    cwd: project,
    env: variablesOf(server),
  });
  const installed = join(project, "node_modules", manifest.name);
  for (const folder of ["examples", "bench"])
    cpSync(join(installed, folder), join(project, folder), { recursive: true });
  const quickstart = await run(runtime, [...parameters, join(project, "examples/01-quickstart.ts")], { cwd: project });
  if (!quickstart.includes("Consensus:  Botswana")) throw new Error(`examples/01-quickstart.ts printed\n${quickstart}`);
  return { printed };
}

/** A program without top-level await, which CommonJS does not have. */
function asScript(code: string): string {
  return `${asFunction(code, "async function main()")}main().then(([first]) => console.log(first));`;
}

function write(name: string, text: string): string {
  const path = join(project, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

function sizeOf(path: string): number {
  if (statSync(path).isFile()) return readFileSync(path).length;
  return readdirSync(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

function says({ stdout }: ChildProcess, sign: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout?.on("data", (text: Buffer) => sign.test(text.toString()) && resolve());
    stdout?.on("close", () => reject(new Error("the server ended before it was ready")));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
