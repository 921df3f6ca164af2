import type { Command } from "commander";
import { wholeNumberFlag } from "../flags.ts";
import type { DeadFlags, DeadKeysFlags, QueueFlags } from "../queue/inspect-queue.ts";

const examples = `
A dead job is one that no waiting mends: options that no run takes, a key of another request, a wrong API key, or 20
attempts. It stays until it is retried or discarded.

Examples
  $ steer queue show
  $ steer queue dead
  $ steer queue retry report-17 report-18
  $ steer queue discard --all --url postgres://steer@db.internal/steer`;

export function addQueueCommand(program: Command): void {
  const queue = program
    .command("queue")
    .summary("look into the queue of runs: show, dead, retry, discard")
    .description("Look into the queue of runs, and put it in order.")
    .addHelpText("after", examples);

  const load = () => import("../queue/inspect-queue.ts");
  addQueueFlags(queue.command("show", { isDefault: true }))
    .description("Show how many runs wait, since when, and how many are running or dead.")
    .action(async (flags: QueueFlags) => (await load()).showQueue(flags));
  addQueueFlags(queue.command("dead"))
    .description("List dead jobs, and what they died of.")
    .option("--after <key>", "only keys after this one")
    .option("--limit <count>", "the most jobs", wholeNumberFlag(1), 100)
    .action(async (flags: DeadFlags) => (await load()).listDead(flags));
  addQueueFlags(queue.command("retry"))
    .description("Let dead jobs wait again, with all their attempts.")
    .argument("[keys...]", "idempotency keys")
    .option("--all", "every dead job")
    .action(async (keys: readonly string[], flags: DeadKeysFlags) => (await load()).retryDead(keys, flags));
  addQueueFlags(queue.command("discard"))
    .description("Remove dead jobs.")
    .argument("[keys...]", "idempotency keys")
    .option("--all", "every dead job")
    .action(async (keys: readonly string[], flags: DeadKeysFlags) => (await load()).discardDead(keys, flags));
}

function addQueueFlags(command: Command): Command {
  return command
    .option("--url <postgres-url>", "the Postgres; without it, what DATABASE_URL says")
    .option("--json", "print JSON instead of text for people");
}
