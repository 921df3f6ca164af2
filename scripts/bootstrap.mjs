/**
 * Job: run a command of this repository on a machine that has only Node >= 20 and npm: `node scripts/bootstrap.mjs test`.
 * Boundary: plain JavaScript without dependencies, since nothing may be installed yet.
 * Invariants:
 * 1. What is installed equals package-lock.json, and dist/ is newer than every source, before the command runs.
 * 2. The command runs on the Node of node_modules, whatever the host's.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pinnedNode = join(root, "node_modules/node/bin", process.platform === "win32" ? "node.exe" : "node");
const commands = {
  start: ["dist/cli/main.js", "demo"],
  test: ["node_modules/vitest/vitest.mjs", "run"],
};

const [name, ...rest] = process.argv.slice(2);
const command = commands[name];
if (command === undefined) {
  console.error(`No command is named ${JSON.stringify(name)}; there are: ${Object.keys(commands).join(", ")}.`);
  process.exit(2);
}

if (!isInstalled()) install();
if (!isBuilt()) build();
handOver(pinnedNode, [...command, ...rest]);

/** Whether npm's own record of what it installed has every package of the lock file; optional ones depend on the host. */
function isInstalled() {
  if (!existsSync(pinnedNode)) return false;
  const wanted = readPackages("package-lock.json");
  const present = readPackages("node_modules/.package-lock.json");
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === "" || optional || present[path]?.version === version,
  );
}

function readPackages(file) {
  const path = join(root, file);
  return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")).packages : {};
}

function install() {
  console.error("Installing the packages of package-lock.json (about a minute, once) …");
  const npm = process.env.npm_execpath;
  const [program, prefix] = npm === undefined ? ["npm", []] : [process.execPath, [npm]];
  runQuietly(program, [...prefix, "ci", "--no-audit", "--no-fund"], "npm ci");
  if (existsSync(pinnedNode)) return;
  console.error(`npm ci ran, but ${pinnedNode} is missing: allow install scripts (npm config get ignore-scripts).`);
  process.exit(1);
}

/** Folders count too: their time changes when a file in them goes away. */
function isBuilt() {
  const built = join(root, "dist/cli/main.js");
  if (!existsSync(built)) return false;
  const sources = ["src", "viewer", "package.json", "tsconfig.json", "tsdown.config.ts"];
  return sources.every((source) => newestChange(join(root, source)) <= statSync(built).mtimeMs);
}

function newestChange(path) {
  const { mtimeMs } = statSync(path);
  if (!statSync(path).isDirectory()) return mtimeMs;
  return Math.max(mtimeMs, ...readdirSync(path).map((entry) => newestChange(join(path, entry))));
}

function build() {
  console.error("Building dist/ …");
  runQuietly(pinnedNode, ["node_modules/tsdown/dist/run.mjs"], "the build");
}

/** Runs a program whose output matters only when it fails. */
function runQuietly(program, parameters, what) {
  const result = spawnSync(program, parameters, { cwd: root, encoding: "utf8", maxBuffer: 2 ** 26 });
  if (result.status === 0) return;
  console.error(
    `${result.stdout ?? ""}${result.stderr ?? ""}\n${what} failed: ${result.error ?? `status ${result.status}`}`,
  );
  process.exit(1);
}

/** A Ctrl-C reaches the command too; we stay until it has ended in its own way. */
function handOver(program, parameters) {
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => {});
  spawn(program, parameters, { cwd: root, stdio: "inherit" })
    .on("error", (error) => {
      console.error(String(error));
      process.exitCode = 1;
    })
    .on("exit", (status, signal) => {
      process.exitCode = status ?? 128 + constants.signals[signal];
    });
}
