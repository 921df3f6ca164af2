/** A client: puts runs into the queue, watches one of them, and waits for all. */
import { unwrap } from "steer-llm-sdk";
import { openFleet, triage } from "./triage.ts";

const { fleet, queue, close } = openFleet();
const reports = Array.from({ length: 30 }, (_, at) => `Report ${at}: it crashes when I save.`);
const keys = await Promise.all(
  reports.map(async (report, at) => {
    const options = { idempotencyKey: `report-${at}` };
    return (await fleet.submit({ tool: triage, request: { report }, options })).key;
  }),
);
const { waiting, running } = await queue.stats();
console.log(`${keys.length} runs put in: ${waiting} wait, ${running} run.`);

for await (const event of fleet.stream(keys[0] as string)) console.log(`${keys[0]}: ${event.seq} ${event.type}`);

const outputs = await Promise.all(keys.map((key) => fleet.result(key)));
const completed = outputs.filter(({ status }) => status === "completed");
console.log(`${completed.length} of ${outputs.length} are answered, the first of them by`, consensusOf(outputs[0]));
await close();

function consensusOf(output: (typeof outputs)[number] | undefined): unknown {
  return (
    output &&
    (unwrap(output) as { evidenceBundle: { summary: { consensus: unknown } } }).evidenceBundle.summary.consensus
  );
}
