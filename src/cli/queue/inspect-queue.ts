import { pgBossQueue } from "../../queue/boss/pg-boss-queue.ts";
import type { DeadJob, RunQueue, ToolQueueStats } from "../../queue/run-queue.ts";
import { CommandError } from "../faults.ts";
import { counted, cut, showCount, showDuration, showOnLine, toColumns, toSafeJson } from "../progress/format.ts";
import { createTerminal } from "../progress/terminal.ts";

/** Flags of every command on a queue. */
export interface QueueFlags {
  readonly url?: string;
  readonly json?: true;
}

/** Flags of `steer queue dead`. */
export interface DeadFlags extends QueueFlags {
  readonly after?: string;
  readonly limit: number;
}

/** Flags of the commands that take dead jobs out of their state. */
export interface DeadKeysFlags extends QueueFlags {
  readonly all?: true;
}

/** Prints how many jobs wait, run and are dead, and how long the oldest has waited. */
export async function showQueue(flags: QueueFlags): Promise<void> {
  const stats = await withQueue(flags, (queue) => queue.stats());
  if (flags.json) return printJson(stats);
  const { colors, write } = createTerminal(process.stdout);
  const titles = ["tool", "waiting", "oldest", "running", "dead"].map(colors.dim);
  const table = stats.tools.length > 0 ? `${toColumns([titles, ...stats.tools.map(rowOf)]).join("\n")}\n` : "";
  write(
    `${table}${showCount(stats.waiting)} waiting, ${showCount(stats.running)} running, ${showCount(stats.dead)} dead\n`,
  );
}

function rowOf({ tool, waiting, running, dead, oldestWaitingMs }: ToolQueueStats): string[] {
  const oldest = oldestWaitingMs === undefined ? "" : showDuration(oldestWaitingMs);
  return [showOnLine(`${tool.name}@${tool.version}`), showCount(waiting), oldest, showCount(running), showCount(dead)];
}

const longestKey = 60;

/** Prints dead jobs and what they died of, one page of them. */
export async function listDead(flags: DeadFlags): Promise<void> {
  const { after, limit } = flags;
  // One more than is shown tells whether there are others.
  const found = await withQueue(flags, (queue) => queue.dead({ after, limit: limit + 1 }));
  const dead = found.slice(0, limit);
  if (flags.json) return printJson(dead);
  const { colors, columns, write } = createTerminal(process.stdout);
  const titles = ["key", "tool", "attempts", "error"].map(colors.dim);
  const rows = dead.map(({ job, error, attempts }) => [
    colors.bold(cut(showOnLine(job.key), longestKey)),
    showOnLine(`${job.toolName}@${job.toolVersion}`),
    showCount(attempts),
    cut(showOnLine(`${error.category ?? error.code}: ${error.message}`), Math.max(40, columns - 60)),
  ]);
  if (dead.length > 0) write(`${toColumns([titles, ...rows]).join("\n")}\n`);
  write(`${counted(dead.length, "dead job")}\n`);
  const last = dead.at(-1);
  if (last && found.length > limit) write(`There are more: --after ${toSafeJson(last.job.key)}\n`);
}

/** Lets dead jobs wait again. */
export async function retryDead(keys: readonly string[], flags: DeadKeysFlags): Promise<void> {
  await overDead(keys, flags, { one: "redrive", word: "Retried" });
}

/** Removes dead jobs. */
export async function discardDead(keys: readonly string[], flags: DeadKeysFlags): Promise<void> {
  await overDead(keys, flags, { one: "discard", word: "Discarded" });
}

async function overDead(
  keys: readonly string[],
  flags: DeadKeysFlags,
  { one, word }: { readonly one: "redrive" | "discard"; readonly word: string },
): Promise<void> {
  if (keys.length > 0 === (flags.all ?? false)) throw new CommandError("Name the keys of dead jobs, or give --all.");
  const count = await withQueue(flags, async (queue) => {
    if (!flags.all) return queue[one](keys);
    let done = 0;
    let page: readonly DeadJob[] = await queue.dead();
    for (; page.length > 0; page = await queue.dead({ after: page.at(-1)?.job.key }))
      done += await queue[one](page.map(({ job }) => job.key));
    return done;
  });
  if (flags.json) printJson({ count });
  else process.stdout.write(`${word} ${counted(count, "dead job")}.\n`);
}

async function withQueue<R>({ url }: QueueFlags, work: (queue: RunQueue) => Promise<R>): Promise<R> {
  const queue = pgBossQueue({ connectionString: url });
  try {
    return await work(queue);
  } finally {
    await queue.close();
  }
}

function printJson(value: unknown): void {
  process.stdout.write(`${toSafeJson(value)}\n`);
}
