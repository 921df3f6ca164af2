/**
 * Ends runs in every way at every stage, runs inside others too, and prints what each leaves behind:
 * `node scripts/left-behind.ts`. Its status is 1 where anything is left.
 *
 * Counted are timers of the orchestrator's clock, listeners on the caller's signal, calls that go on, calls that start in
 * the ten minutes after, sockets of a server that never answers, and rejections that reach the process. A point means
 * nothing; a blank that the stage cannot be ended so. The first column has what was open as the first of them was ended.
 */
import { getEventListeners } from "node:events";
import { setTimeout } from "node:timers/promises";
import { defineTool, ReliableOrchestrator } from "../src/index.ts";
import { ReliabilityState } from "../src/reliability.ts";
import { createFakeClock, type FakeClock } from "../src/testing.ts";
import { type StageSetup, stages } from "./left-behind/stages.ts";
import { SilentServer, World } from "./left-behind/world.ts";

/** A run that has been made ready, and what ends it. */
interface Ending {
  start(form: "run" | "stream" | "runMany", options: object, signal?: AbortSignal): any;
  readonly signal: AbortController;
  readonly clock: FakeClock;
  readonly reached: Promise<void>;
}

/** Ways to end a run from outside. */
const outside: Readonly<Record<string, (ending: Ending) => Promise<unknown>>> = {
  signal: async ({ start, signal, reached }) => {
    const run = start("run", {});
    await reached;
    signal.abort(new Error("enough"));
    return run;
  },
  deadline: async ({ start, clock, reached }) => {
    const run = start("run", { timeoutMs: 1_000 });
    run.catch(() => {});
    await reached;
    await clock.advance(1_000);
    return run;
  },
  "stream cancelled": async ({ start, reached }) => {
    const stream = start("stream", {});
    await reached;
    stream.cancel();
    return stream.output;
  },
  "stream left": async ({ start, reached }) => {
    const stream = start("stream", {});
    for await (const _ of stream) {
      await reached;
      break;
    }
    return stream.output;
  },
  "stream disposed": async ({ start, reached }) => {
    const stream = start("stream", {});
    await reached;
    await stream[Symbol.asyncDispose]();
    return stream.output;
  },
  "runMany's signal": async ({ start, signal, reached }) => {
    const next = start("runMany", {})[Symbol.asyncIterator]().next();
    await reached;
    signal.abort(new Error("enough"));
    return next;
  },
};

/** The way in which an execution ends that several callers of one key share. */
async function lastCallerLeaves({ start, signal, reached }: Ending): Promise<unknown> {
  const other = new AbortController();
  const runs = [start("run", {}), start("run", {}, other.signal)];
  await reached;
  other.abort(new Error("enough"));
  signal.abort(new Error("enough"));
  return Promise.allSettled(runs);
}

/** Ways in which the code of a tool goes on, or fails, without the run that it has started. */
const inside: Readonly<Record<string, (inner: Promise<unknown>, reached: Promise<void>) => Promise<unknown>>> = {
  "sibling fails": (inner, reached) => Promise.all([inner, reached.then(() => Promise.reject(new Error("sibling")))]),
  "race is won": (inner, reached) => Promise.race([inner, reached.then(() => "won")]),
  "await forgotten": (_inner, reached) => reached.then(() => "forgot"),
  "tool throws": async (_inner, reached) => {
    await reached;
    throw new Error("broken");
  },
};

const rejections: unknown[] = [];
process.on("unhandledRejection", (error) => rejections.push(error));

const server = await SilentServer.start();
const table: Record<string, Record<string, string>> = {};
let [cells, left] = [0, 0];
let held: string | undefined;
for (const [stage, make] of Object.entries(stages)) {
  for (const depth of [0, 1, 2]) {
    const row: Record<string, string> = { "open before": "" };
    held = undefined;
    for (const [way, end] of Object.entries(outside))
      if (!isImpossible(stage, way, depth)) row[way] = await cell(make, depth, end);
    if (depth === 0 && /key|store|journaled|settled/.test(stage))
      row["last caller leaves"] = await cell(make, depth, lastCallerLeaves);
    if (depth > 0) for (const [way, end] of Object.entries(inside)) row[way] = await cell(make, depth, undefined, end);
    row["open before"] = held ?? "";
    if (held === "") throw new Error(`Nothing is open at the stage "${stage}": it shows nothing.`);
    table[`${stage}${["", ", inner run", ", inner of an inner"][depth]}`] = row;
  }
}
server.close();
console.table(table);
console.log(
  `= ${cells} ends of a run at ${Object.keys(table).length} stages: ${left === 0 ? "nothing is left" : `${left} leave something`}`,
);
if (left > 0) process.exitCode = 1;

/** A run has no event before its request is checked, and runMany takes no key. */
function isImpossible(stage: string, way: string, depth: number): boolean {
  if (depth > 0) return false;
  if (way === "stream left") return stage === "request is checked";
  return way === "runMany's signal" && /key|store|journaled|settled/.test(stage);
}

/** Ends one run, and says what is left of it. */
async function cell(
  make: (world: World) => StageSetup,
  depth: number,
  end?: (ending: Ending) => Promise<unknown>,
  go?: (inner: Promise<unknown>, reached: Promise<void>) => Promise<unknown>,
): Promise<string> {
  const world = new World(server);
  const clock = createFakeClock();
  const state = new ReliabilityState({ clock });
  const signal = new AbortController();
  const { settings, options, params } = make(world);
  const shared = { clock, state, reliabilityConfig: { maxRetries: 3 } };
  const innermost = new ReliableOrchestrator({ ...shared, ...settings });
  const plain = new ReliableOrchestrator(shared);
  let [orchestrator, chosen] = [innermost, { params, options }];
  for (let level = depth; level > 0; level--) {
    const [runner, inner] = [orchestrator, chosen];
    const goOn = level === 1 ? go : undefined;
    const tool = defineTool({
      name: `outer${level}`,
      execute: () => {
        const run = runner.run({ request: {}, ...inner.params, options: inner.options } as any);
        return goOn ? goOn(run, world.reached) : run;
      },
    });
    [orchestrator, chosen] = [plain, { params: { tool }, options: undefined }];
  }
  const start: Ending["start"] = (form, more, own = signal.signal) => {
    const all = { ...chosen.params, signal: own, options: { ...chosen.options, ...more } } as any;
    return form === "runMany"
      ? orchestrator.runMany({ requests: [{}], ...all })
      : orchestrator[form]({ request: {}, ...all });
  };
  void world.reached.then(async () => {
    held ??= shown({
      timers: clock.pending,
      listeners: getEventListeners(signal.signal, "abort").length,
      "open calls": world.open,
    });
  });
  await (end ? end({ start, signal, clock, reached: world.reached }) : start("run", {})).catch(() => {});
  await clock.advance(0);
  await untilClosed();
  const counts: Record<string, number> = {
    timers: clock.pending,
    listeners: getEventListeners(signal.signal, "abort").length,
    "open calls": world.open,
    sockets: await server.openSockets(),
    rejections: rejections.splice(0).length,
  };
  const calls = world.calls;
  await clock.advance(600_000);
  counts["later calls"] = world.calls - calls;
  const found = shown(counts);
  cells++;
  if (found !== "") left++;
  return found || ".";
}

function shown(counts: Readonly<Record<string, number>>): string {
  const found = Object.entries(counts).filter(([, count]) => count > 0);
  return found.map(([name, count]) => `${count} ${name}`).join(", ");
}

/** A socket that was closed on one side needs real time until the other side knows. */
async function untilClosed(): Promise<void> {
  for (let tries = 0; tries < 100 && (await server.openSockets()) > 0; tries++) await setTimeout(5);
}
