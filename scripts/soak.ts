/**
 * Runs the real orchestrator for minutes, in real time, under a load of every kind with faults of every kind, and shows that
 * memory, handles and listeners stay what they were: `npm run soak -- --minutes 10`. Every few seconds it waits until nothing
 * is in flight, collects garbage, and takes a sample. Its status is 1 where something grew or was left behind.
 *
 * `--seed 7` draws another load. Time is real, so the same seed asks for the same runs, and meets them in another order.
 */
import { parseArgs } from "node:util";
import { systemClock } from "../src/core/clock.ts";
import { seededRandom } from "../src/core/random.ts";
import { Counts } from "./soak/counts.ts";
import { findLeaks } from "./soak/judge.ts";
import { callers, Load } from "./soak/load.ts";
import { OpenSpans } from "./soak/open-spans.ts";
import { makeOrchestrators } from "./soak/orchestrators.ts";
import { ProcessFaults } from "./soak/process-faults.ts";
import { startProviderServer } from "./soak/provider-server.ts";
import { growthTable, tableOf } from "./soak/report.ts";
import { abortListeners, activeResources, measureHoldings, type Sample } from "./soak/sample.ts";
import { contentsOf, openStores } from "./soak/stores.ts";
import { Tally } from "./soak/tally.ts";
import { makeSharedTools } from "./soak/tools.ts";
import { Weather } from "./soak/weather.ts";

const longestWaveMs = 5_000;
const fewestWaves = 12;
/** How long what was left may take to end by itself: late answers, closing sockets. */
const patienceMs = 5_000;
const pollMs = 20;
/** More than anybody reads. */
const shownFaults = 20;

const { values } = parseArgs({
  options: { minutes: { type: "string", default: "10" }, seed: { type: "string", default: "1" } },
});
const durationMs = positive(values.minutes, "--minutes") * 60_000;
const seed = positive(values.seed, "--seed");

// Only a process that exits by itself takes its Postgres with it.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
const processFaults = new ProcessFaults();
const spans = OpenSpans.register();
const random = seededRandom(seed);
const faults = new Counts();
const tally = new Tally();
const weather = new Weather(random);
const stores = await openStores();
const server = await startProviderServer(weather, random, faults);
const surroundings = { weather, faults, server };
const tools = await makeSharedTools(surroundings, random);
const orchestrators = makeOrchestrators(Object.values(stores.byName), tools);
const sharedSignal = new AbortController().signal;
const load = new Load({ ...surroundings, tools, orchestrators, tally, sharedSignal }, seed);

const startedAtMs = systemClock.now();
const samples: Sample[] = [];
while (systemClock.now() - startedAtMs < durationMs) {
  await load.wave(samples.length, Math.min(longestWaveMs, durationMs / fewestWaves));
  await quiesce();
  samples.push(await takeSample());
}
await server.close();
await stores[Symbol.asyncDispose]();
report();
setTimeout(failAsAlive, patienceMs).unref();

/** Waits until nothing is in flight, and ends the idle connections. */
async function quiesce(): Promise<void> {
  const untilMs = systemClock.now() + patienceMs;
  do {
    if (server.openRequests === 0) server.closeConnections();
    await systemClock.sleep(pollMs);
  } while (!isQuiet() && systemClock.now() < untilMs);
}

function isQuiet(): boolean {
  const { TCPSocketWrap = 0, Timeout = 0 } = activeResources();
  return [tally.unendedRuns, spans.open, server.openRequests, TCPSocketWrap, Timeout].every((count) => count === 0);
}

async function takeSample(): Promise<Sample> {
  const contents = Object.entries(stores.byName).map(async ([name, store]) => {
    return [name, await contentsOf(store, samples.length)] as const;
  });
  return {
    stores: Object.fromEntries(await Promise.all(contents)),
    ...(await measureHoldings()),
    atMs: systemClock.now() - startedAtMs,
    runs: tally.runs,
    signalListeners: abortListeners(sharedSignal),
    unendedRuns: tally.unendedRuns,
    openSpans: spans.open,
    openRequests: server.openRequests,
  };
}

function report(): void {
  const faultsFound = [...new Set([...findLeaks(samples), ...tally.unexpected, ...processFaults.seen])];
  const minutes = ((samples.at(-1)?.atMs ?? 0) / 60_000).toFixed(1);
  const storeNames = Object.keys(stores.byName).join(", ");
  console.log(`${callers} callers at once, ${orchestrators.length} orchestrators over ${storeNames}, seed ${seed}\n`);
  console.log(`${tableOf(samples)}\n\n${growthTable(samples)}\n`);
  console.log(
    `How runs ended:\n${tally.outcomes}\n\nWhat happened on the way:\n${tally.deeds}\n\nFaults met:\n${faults}\n`,
  );
  for (const fault of faultsFound.slice(0, shownFaults)) console.log(`LEAK OR FAULT: ${fault}`);
  const verdict =
    faultsFound.length === 0 ? "nothing grew and nothing was left" : `${faultsFound.length} leaks or faults`;
  console.log(`= ${tally.runs} runs, ${faults.total} faults met, ${spans.ended} spans in ${minutes} min: ${verdict}`);
  process.exitCode = faultsFound.length === 0 ? 0 : 1;
}

/** Everything is closed by now: only something that was left behind can keep the process alive. */
function failAsAlive(): void {
  console.log(`LEAK OR FAULT: The process does not end: ${process.getActiveResourcesInfo().join(", ")} keep it alive.`);
  process.exit(1);
}

function positive(text: string, option: string): number {
  const number = Number(text);
  if (number > 0 && Number.isFinite(number)) return number;
  throw new Error(`${option}: got "${text}"; allowed: a number above 0`);
}
