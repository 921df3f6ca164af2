/** Aborts a run that waits a minute for its next attempt, and prints how that ended. Nothing ends the process. */
import { defineTool, isOrchestratorError, ReliableOrchestrator } from "../../../src/index.ts";

let calls = 0;
const tool = defineTool({
  name: "limited",
  execute(_request: object) {
    calls++;
    throw Object.assign(new Error("busy"), { statusCode: 429, responseHeaders: { "retry-after": "60" } });
  },
});
const controller = new AbortController();
let abortedAt = 0;

function abortSoon() {
  setTimeout(() => {
    abortedAt = performance.now();
    controller.abort("enough");
  }, 50);
}

try {
  await new ReliableOrchestrator().run({
    tool,
    request: {},
    signal: controller.signal,
    onEvent: (event) => event.type === "retry_scheduled" && abortSoon(),
  });
} catch (error) {
  const tookMs = performance.now() - abortedAt;
  console.log(JSON.stringify({ calls, tookMs, code: isOrchestratorError(error) && error.code }));
}
