import { DatabaseSync } from "node:sqlite";
import type { OwnPostgresServer } from "../../scripts/postgres.ts";
import type { Blink } from "./kill-and-resume.ts";

/** Locks a SQLite file, as a process does that is in the middle of a long transaction. */
export function locking(path: string): Blink {
  return async () => {
    const holder = new DatabaseSync(path, { timeout: 5_000 });
    holder.exec("BEGIN IMMEDIATE");
    return async () => holder.close();
  };
}

/** Ends a server, and starts it again. */
export function restarting(server: OwnPostgresServer): Blink {
  return async () => {
    await server.goAway("SIGINT");
    return () => server.comeBack();
  };
}
