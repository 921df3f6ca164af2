import { existsSync } from "node:fs";
import type { ManagedStore, RunDetails, RunRecord, RunState } from "../../store/store.ts";
import { CommandError, exitCode } from "../faults.ts";
import {
  counted,
  cut,
  showCount,
  showDuration,
  showOnLine,
  showUsd,
  toColumns,
  toSafeJson,
} from "../progress/format.ts";
import { createTerminal, type Terminal } from "../progress/terminal.ts";

/** Flags of `steer store list`. */
export interface ListFlags extends StoreFlags {
  readonly after?: string;
  readonly limit: number;
}

const longestKey = 60;

/** Prints the keys of a store, one page of them. */
export async function listKeys(flags: ListFlags): Promise<void> {
  const { after, limit } = flags;
  // One more than is shown tells whether there are others.
  const found = await withStore(flags, (store) => store.list({ after, limit: limit + 1 }));
  const records = found.slice(0, limit);
  if (flags.json) return printJson(records);
  const terminal = createTerminal(process.stdout);
  terminal.write(toTable(records, terminal));
  const last = records.at(-1);
  if (last && found.length > limit) terminal.write(`There are more: --after ${toSafeJson(last.key)}\n`);
}

function toTable(records: readonly RunRecord[], { colors }: Terminal): string {
  const titles = ["key", "state", "replicates", "lease", "expires in", "owner"].map(colors.dim);
  const rows = records.map((record) => [
    colors.bold(cut(showOnLine(record.key), longestKey)),
    showState(record.state, colors),
    showCount(record.replicateCount),
    record.leaseEndsInMs > 0 ? showDuration(record.leaseEndsInMs) : "",
    record.expiresInMs > 0 ? showDuration(record.expiresInMs) : "swept soon",
    showOnLine(record.owner),
  ]);
  const table = records.length > 0 ? `${toColumns([titles, ...rows]).join("\n")}\n` : "";
  return `${table}${counted(records.length, "key")}\n`;
}

const mostReplicates = 50;
/** Ids are "r1" and the like; a store may hold anything. */
const mostIdColumns = 12;

/**
 * Prints all that a store keeps of a key.
 *
 * @throws CommandError where it keeps nothing
 */
export async function showKey(key: string, flags: StoreFlags): Promise<void> {
  const details = await withStore(flags, (store) => store.show(key));
  if (!details) throw new CommandError(`The store has no key ${toSafeJson(key)}. steer store list names its keys.`);
  if (flags.json) return printJson(details);
  const terminal = createTerminal(process.stdout);
  terminal.write(`${describeRun(details, terminal).join("\n")}\n`);
}

function describeRun(details: RunDetails, { colors, columns }: Terminal): string[] {
  const { key, state, owner, fence, leaseEndsInMs, expiresInMs, fingerprint, plan } = details;
  const facts: readonly (readonly [string, string])[] = [
    ["state", showState(state, colors)],
    ...(leaseEndsInMs > 0 ? [["lease", `${showDuration(leaseEndsInMs)} left`] as const] : []),
    ["expires in", expiresInMs > 0 ? showDuration(expiresInMs) : "swept soon"],
    ["owner", `${showOnLine(owner)}, fencing token ${fence}`],
    ["fingerprint", showOnLine(fingerprint)],
    ...(plan === undefined ? [] : [["plan", cut(showOnLine(plan), columns - 15)] as const]),
    ...outputFacts(details, columns),
  ];
  const rows = facts.map(([name, value]) => [`  ${colors.dim(name)}`, value]);
  return [colors.bold(cut(showOnLine(key), columns)), ...toColumns(rows), ...journal(details, columns, colors)];
}

function outputFacts({ output }: RunDetails, columns: number): (readonly [string, string])[] {
  if (!output) return [];
  const content = output.content as { evidenceBundle?: { summary: { consensus: unknown } } } | null;
  const result = content?.evidenceBundle ? content.evidenceBundle.summary.consensus : content;
  return [
    ["output", `${output.status}, ${showUsd(output.costUsd)}`],
    [content?.evidenceBundle ? "consensus" : "content", cut(showOnLine(result), columns - 15)],
  ];
}

function journal({ replicates }: RunDetails, columns: number, colors: Terminal["colors"]): string[] {
  if (replicates.length === 0) return [];
  const rows = replicates
    .slice(0, mostReplicates)
    .map(({ id, seed, costUsd, data }) => [
      `    ${cut(showOnLine(id), mostIdColumns)}`,
      colors.dim(`seed ${showOnLine(seed)}`),
      showUsd(costUsd ?? null),
      cut(showOnLine(data), Math.max(20, columns - 45)),
    ]);
  const left = replicates.length - rows.length;
  return [
    `  ${colors.dim("journal")}`,
    ...toColumns(rows),
    ...(left > 0 ? [colors.dim(`    … and ${left} more; --json has all`)] : []),
  ];
}

/** Flags of `steer store purge`. */
export interface PurgeFlags extends StoreFlags {
  readonly all?: true;
}

/** Count of removed keys, and the keys that stay because they are running. */
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
  else process.stdout.write(describePurge(purged));
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

function describePurge({ removed, running }: Purged): string {
  const staying = running.map((key) => `${toSafeJson(key)} stays: it is running.\n`);
  return `${staying.join("")}${counted(removed, "key")} removed.\n`;
}

/** Removes what has expired, and prints how much that was. */
export async function sweepStore(flags: StoreFlags): Promise<void> {
  const removed = await withStore(flags, (store) => store.sweep());
  if (flags.json) printJson({ removed });
  else process.stdout.write(`${counted(removed, "expired key")} removed.\n`);
}

/**
 * Prints what is damaged in a store.
 *
 * @returns the exit code
 */
export async function verifyStore(flags: StoreFlags): Promise<number> {
  const problems = await withStore(flags, (store) => store.verify());
  if (flags.json) printJson({ problems });
  else process.stdout.write(describeProblems(problems));
  return problems.length > 0 ? exitCode.someFailed : exitCode.done;
}

function describeProblems(problems: readonly string[]): string {
  if (problems.length === 0) return "Nothing is damaged.\n";
  return `${problems.map((problem) => `${problem}\n`).join("")}${counted(problems.length, "problem")}\n`;
}

export function showState(state: RunState, colors: Terminal["colors"]): string {
  if (state === "running") return colors.green(state);
  return state === "settled" ? state : colors.yellow(state);
}

/** Prints a value for programs. */
export function printJson(value: unknown): void {
  process.stdout.write(`${toSafeJson(value, 2)}\n`);
}

/** Flags that name a store. */
export interface StoreFlags {
  readonly path: string;
  readonly url?: string;
  readonly json?: true;
}

/**
 * Does something with a store, and closes it.
 *
 * @throws CommandError where there is no file, StoreError where the store cannot be used
 */
export async function withStore<R>(flags: StoreFlags, use: (store: ManagedStore) => Promise<R>): Promise<R> {
  const store = await open(flags);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

async function open({ path, url }: StoreFlags): Promise<ManagedStore> {
  if (url !== undefined) {
    const { PostgresStore } = await import("../../store/postgres.ts");
    return new PostgresStore({ connectionString: url });
  }
  if (!existsSync(path)) {
    throw new CommandError(
      `There is no store at ${path}. A ReliableOrchestrator with store: "sqlite" makes one at its first run with an idempotencyKey; --path names another file, --url a Postgres.`,
    );
  }
  const { SqliteStore } = await import("../../store/sqlite.ts");
  return new SqliteStore({ path });
}
