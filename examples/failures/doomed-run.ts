/** A run that dies by SIGKILL when its third answer has come and is about to be journaled, in the file that is given. */
import { ReliableOrchestrator } from "steer-llm-sdk";
import { SqliteStore } from "steer-llm-sdk/stores/sqlite";
import { createFakeClock } from "steer-llm-sdk/testing";
import { high, request, triage } from "./triage.ts";

const clock = createFakeClock();
const store = new SqliteStore({ path: process.argv[2], clock });
const append = store.append.bind(store);
const idempotencyKey = "report-17";
let answers = 0;
store.append = (token, replicate) => {
  if (token.key === idempotencyKey && ++answers === 3) process.kill(process.pid, "SIGKILL");
  return append(token, replicate);
};
await new ReliableOrchestrator({ store, clock }).run({
  tool: triage(() => high),
  request,
  options: { idempotencyKey },
});
