import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { KillPlan } from "./kill-workers.ts";
import type { FleetWorker } from "./programs/worker.ts";

const program = join(import.meta.dirname, "programs/worker.ts");

/** Workers of a fleet, each a process. */
export class Workers implements AsyncDisposable {
  readonly #plan: KillPlan & { readonly baseURL: string };
  readonly #awake = new Map<string, ChildProcess>();
  readonly #asleep = new Map<string, ChildProcess>();
  /** Ends of workers that were not killed. */
  readonly deaths: string[] = [];
  #started = 0;
  #isOver = false;

  constructor(plan: KillPlan & { readonly baseURL: string }) {
    this.#plan = plan;
  }

  /** Names of those that run. */
  get names(): readonly string[] {
    return [...this.#awake.keys()];
  }

  async startAll(): Promise<void> {
    await Promise.all(Array.from({ length: this.#plan.workers }, () => this.start()));
  }

  /** Starts one, and again where it ends because it finds no database: what looks after processes does so. */
  async start(): Promise<void> {
    const name = `worker-${this.#started++}`;
    const { url, redisPath, concurrency, k, baseURL } = this.#plan;
    const worker: FleetWorker = { url, redisPath, baseURL, name, concurrency, k };
    while (!this.#isOver) {
      const stdio = ["ignore", "ignore", "pipe", "ipc"] as const;
      const child = fork(program, [JSON.stringify(worker)], { execArgv: ["--no-warnings"], stdio: [...stdio] });
      let said = "";
      child.stderr?.setEncoding("utf8").on("data", (text) => {
        said = (said + text).slice(-2_000);
      });
      this.#awake.set(name, child);
      const isReady = await Promise.race([
        once(child, "message").then(() => true),
        once(child, "exit").then(() => false),
      ]);
      if (!isReady && this.#awake.has(name)) continue;
      child.once("exit", (status) => {
        if (!this.#isOver && this.#awake.has(name)) this.deaths.push(`${name} ended with status ${status}: ${said}`);
      });
      return;
    }
  }

  /** Kills a worker, or puts it to sleep. */
  async stop(name: string, signal: "SIGKILL" | "SIGSTOP"): Promise<void> {
    const child = this.#awake.get(name);
    if (!child) return;
    this.#awake.delete(name);
    if (signal === "SIGSTOP") this.#asleep.set(name, child);
    const gone = signal === "SIGKILL" && once(child, "exit");
    child.kill(signal);
    await gone;
  }

  wake(name: string): void {
    const child = this.#asleep.get(name);
    if (!child) return;
    this.#asleep.delete(name);
    this.#awake.set(name, child);
    child.kill("SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    for (const child of [...this.#awake.values(), ...this.#asleep.values()]) child.kill("SIGKILL");
  }
}
