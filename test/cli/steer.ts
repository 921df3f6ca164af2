import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

const main = join(import.meta.dirname, "../../src/cli/main.ts");

/** What a command printed, and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A `steer` that runs as users run it: a process of its own. */
export interface Steer {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves once standard output holds the text. */
  printed(text: string): Promise<void>;
}

interface SpawnOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Standard input; without it, there is none. */
  readonly input?: string;
  /** File that standard output goes to; without it, it is collected. */
  readonly stdout?: number;
}

const noKeys = { OPENAI_API_KEY: "", ANTHROPIC_API_KEY: "", GOOGLE_GENERATIVE_AI_API_KEY: "", STEER_MODEL: "" };

export function startSteer(parameters: readonly string[], { cwd, env, input, stdout: file }: SpawnOptions = {}): Steer {
  const quiet = ["--disable-warning=ExperimentalWarning", main, ...parameters];
  const stdio = ["pipe", file ?? "pipe", "pipe"] as const;
  const child = spawn(process.execPath, quiet, { cwd, env: { ...process.env, ...noKeys, ...env }, stdio: [...stdio] });
  let stdout = "";
  let stderr = "";
  const waiting = new Set<() => void>();
  child.stdout?.setEncoding("utf8").on("data", (text) => {
    stdout += text;
    for (const check of waiting) check();
  });
  child.stderr?.setEncoding("utf8").on("data", (text) => (stderr += text));
  child.stdin?.on("error", () => {});
  if (input !== undefined) child.stdin?.end(input);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject).on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const printed = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const check = () => stdout.includes(text) && resolve();
      waiting.add(check);
      check();
      void ended.then(() => reject(new Error(`ended without printing ${text}:\n${stdout}${stderr}`)));
    });
  return { child, ended, printed };
}

export function steer(parameters: readonly string[], options: SpawnOptions = {}): Promise<Ended> {
  return startSteer(parameters, { input: "", ...options }).ended;
}

/** A folder that is gone after the test, with files in it. */
export function createFolder(files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), "steer-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

/** A tool file over a simulated model. */
export function toolFile(model = "simulated:?error=0.05", more: object = {}): string {
  return JSON.stringify({
    name: "triage",
    model,
    prompt: "Report: {{report}}",
    schema: { type: "object", properties: { severity: { enum: ["low", "high"] } }, required: ["severity"] },
    ...more,
  });
}

export function reports(count: number): string {
  return Array.from({ length: count }, (_, index) => `${JSON.stringify({ report: `report ${index}` })}\n`).join("");
}

export function jsonLines(text: string): any[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** The lines of `out.jsonl` in a folder. */
export function outputLines(folder: string): any[] {
  return jsonLines(readFileSync(join(folder, "out.jsonl"), "utf8"));
}
