/** Runs 10,000 times on one signal, and prints what is left on it. */
import { getEventListeners } from "node:events";
import { defineTool, Orchestrator, ReliableOrchestrator } from "../../../src/index.ts";

const { signal } = new AbortController();
let mostListeners = 0;
const tool = defineTool({
  name: "quick",
  async execute(n: number, _options, context) {
    context.signal.throwIfAborted();
    mostListeners = Math.max(mostListeners, getEventListeners(signal, "abort").length);
    if (n % 3 === 0) throw new Error("now and then");
    return n;
  },
});
const warnings: string[] = [];
process.on("warning", (warning) => warnings.push(warning.message));

let settled = 0;
for (const orchestrator of [new Orchestrator(), new ReliableOrchestrator()]) {
  const run = (n: number) => orchestrator.run({ tool, request: n, signal, options: { timeoutMs: 60_000 } });
  for (let start = 0; start < 5000; start += 500) {
    const runs = Array.from({ length: 500 }, (_, index) => run(start + index));
    settled += (await Promise.all(runs)).length;
  }
}
await new Promise((resolve) => setImmediate(resolve));
console.log(JSON.stringify({ settled, mostListeners, left: getEventListeners(signal, "abort").length, warnings }));
