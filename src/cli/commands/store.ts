import { type Command, Option } from "commander";
import { wholeNumberFlag } from "../flags.ts";
import type { ListFlags, PurgeFlags, StoreFlags } from "../store/keys.ts";

const examples = `
A store keeps what runs with an idempotencyKey paid for: claims, journaled replicates, outputs. Without --url, it is the
SQLite file of this project. A key that is running is never removed. Keys that begin with answers/ hold the answers
to one question each, for runs that ask it again.

Exit codes
  0 done     1 something is damaged, or a key stays because it is running     2 the store or a key cannot be used

Examples
  $ steer store list
  $ steer store show order-17
  $ steer store show order-17 --json | steer view -
  $ steer store purge order-17 order-18
  $ steer store verify --url postgres://steer@db.internal/steer`;

export function addStoreCommand(program: Command, onExitCode: (code: number) => void): void {
  const store = program
    .command("store")
    .summary("look into the store of runs: list, show, purge, verify, sweep")
    .description("Look into the store of runs, and put it in order.")
    .addHelpText("after", examples);

  addStoreFlags(store.command("list"))
    .description("List the keys: their states, leases and owners.")
    .option("--after <key>", "only keys after this one")
    .option("--limit <count>", "the most keys", wholeNumberFlag(1), 100)
    .action(async (flags: ListFlags) => (await import("../store/keys.ts")).listKeys(flags));
  addStoreFlags(store.command("show"))
    .description("Show all that is kept of a key: its journal, plan and output.")
    .argument("<key>", "an idempotency key")
    .action(async (key: string, flags: StoreFlags) => (await import("../store/keys.ts")).showKey(key, flags));
  addStoreFlags(store.command("purge"))
    .description("Remove keys with all that is kept of them, except running ones.")
    .argument("[keys...]", "idempotency keys")
    .option("--all", "every key that is not running")
    .action(async (keys: readonly string[], flags: PurgeFlags) =>
      onExitCode(await (await import("../store/keys.ts")).purgeKeys(keys, flags)),
    );
  addStoreFlags(store.command("verify"))
    .description("Say what is damaged, if anything.")
    .action(async (flags: StoreFlags) => onExitCode(await (await import("../store/keys.ts")).verifyStore(flags)));
  addStoreFlags(store.command("sweep"))
    .description("Remove what has expired now; stores also do it by themselves, a little with each run.")
    .action(async (flags: StoreFlags) => (await import("../store/keys.ts")).sweepStore(flags));
}

function addStoreFlags(command: Command): Command {
  return command
    .option("--path <file>", "the SQLite file", ".steer/runs.sqlite")
    .addOption(new Option("--url <postgres-url>", "a Postgres instead").conflicts("path"))
    .option("--json", "print JSON instead of text for people");
}
