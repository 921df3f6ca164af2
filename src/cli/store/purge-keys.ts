import type { ManagedStore } from "../../store/store.ts";
import { CommandError } from "../command-error.ts";
import { exitCode } from "../exit-code.ts";
import { counted } from "../progress/format.ts";
import { type StoreFlags, withStore } from "./open-managed-store.ts";
import { printJson } from "./print-json.ts";

/** What the command line says of a purge. */
export interface PurgeFlags extends StoreFlags {
  readonly all?: true;
}

/** How many went, and the keys that stay because they are running. */
interface Purged {
  readonly removed: number;
  readonly running: readonly string[];
}

/**
 * Removes keys, except running ones, and says what became of them.
 *
 * @returns the exit code
 * @throws CommandError where no key is named
 */
export async function purgeKeys(keys: readonly string[], flags: PurgeFlags): Promise<number> {
  if (keys.length > 0 === (flags.all ?? false)) throw new CommandError("Name the keys to remove, or give --all.");
  const purged = await withStore(flags, (store) => (flags.all ? purgeAll(store) : purgeNamed(store, keys)));
  if (flags.json) printJson(purged);
  else process.stdout.write(describe(purged));
  return purged.running.length > 0 && !flags.all ? exitCode.someFailed : exitCode.done;
}

async function purgeNamed(store: ManagedStore, keys: readonly string[]): Promise<Purged> {
  const removed = await store.purge(keys);
  const running: string[] = [];
  for (const key of keys) if (await store.show(key)) running.push(key);
  return { removed, running };
}

async function purgeAll(store: ManagedStore): Promise<Purged> {
  let removed = 0;
  const running: string[] = [];
  for (let page = await store.list(); page.length > 0; page = await store.list({ after: page.at(-1)?.key })) {
    removed += await store.purge(page.map(({ key }) => key));
    running.push(...page.filter(({ state }) => state === "running").map(({ key }) => key));
  }
  return { removed, running };
}

function describe({ removed, running }: Purged): string {
  const staying = running.map((key) => `${JSON.stringify(key)} stays: it is running.\n`);
  return `${staying.join("")}${counted(removed, "key")} removed.\n`;
}
