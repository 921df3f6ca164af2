import { StoreError, type StoreFailure, type StoreOperation } from "../contract/errors.ts";

/** Describes what the driver threw as the error of a store. */
export function postgresError(error: unknown, operation: StoreOperation): StoreError {
  if (error instanceof StoreError) return error;
  const { code = "", message = "" } = error as { code?: string; message?: string };
  const known = failures.find(([pattern]) => pattern.test(code))?.[1];
  const reason = known ?? (unavailableMessage.test(message) ? "unavailable" : "failed");
  return new StoreError({
    store: "postgres",
    operation,
    reason,
    what: message || code,
    advice: advice[reason] ?? "See `cause`.",
    cause: error,
  });
}

export function missingDriver(cause: unknown): StoreError {
  return new StoreError({
    store: "postgres",
    operation: "open",
    reason: "missing_driver",
    what: 'the package "pg" is not installed',
    advice: "Install it: npm install pg@8",
    cause,
  });
}

/** SQLSTATE codes and classes (https://www.postgresql.org/docs/current/errcodes-appendix.html), and Node's own codes. */
const failures: readonly (readonly [pattern: RegExp, reason: StoreFailure])[] = [
  [/^(40P01|40001|55P03|57014)$/, "locked"],
  [/^53100$/, "full"],
  [/^(25006|42501)$/, "read_only"],
  [/^XX00[12]$/, "corrupt"],
  [/^(08...|28...|3D000|53...|57P..)$/, "unavailable"],
  [/^(ECONN[A-Z]+|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE|ENOENT)$/, "unavailable"],
];

/** Failures that the driver tells in words alone. */
const unavailableMessage = /timeout|terminated|not queryable|connection ended|not currently accepting connections/i;

const advice: Readonly<Partial<Record<StoreFailure, string>>> = {
  locked: "Another session holds its rows or tables: find it in pg_stat_activity and end it, then try again.",
  full: "Free space on the server's disk; everything confirmed before is still there.",
  read_only: "Connect to the primary, as a user who may read and write the tables steer_*.",
  corrupt: "Stop writing, and restore the database from a backup.",
  unavailable:
    "Check that the server runs, and that DATABASE_URL or connectionString names it, a database and a user of it.",
};
