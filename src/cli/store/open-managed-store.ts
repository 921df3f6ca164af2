import { existsSync } from "node:fs";
import type { ManagedStore } from "../../store/store.ts";
import { CommandError } from "../command-error.ts";

/** What the command line says of a store. */
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
