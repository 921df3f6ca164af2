import type { OrchestrationOutput } from "../contract/output.ts";
import type { CancelScope } from "../core/signal.ts";
import type { RunStore } from "../store/store.ts";
import { type ClaimSettings, claimKey, joinsItself, type KeyedRun, otherRequest } from "./claim-key.ts";
import { executeClaimed } from "./execute-claimed.ts";
import { Flight } from "./flight.ts";
import type { FlightsByKey } from "./flights.ts";
import { isWorkIn, type Place, workIn } from "./own-flights.ts";
import type { RunLayer } from "./run-context.ts";
import { withSpent } from "./run-output.ts";
import { StoreProtection } from "./store-protection.ts";

export interface IdempotencySettings extends ClaimSettings {
  /** A promise until the store is open. */
  openStore(): RunStore | Promise<RunStore>;
  /** The executions of this process on the store. */
  readonly flights: FlightsByKey;
  readonly ttlMs: number;
  readonly onStoreError: "fail" | "run_unprotected";
}

/** One key, one execution: claims it, joins or waits for it, replays it, or refuses another request under it. */
export function createIdempotencyLayer(settings: IdempotencySettings): RunLayer {
  return (context, next) => {
    const { idempotencyKey: key } = context.input.options;
    const { fingerprint } = context;
    if (key === undefined || fingerprint === undefined) return next();
    return runOnce({ key, fingerprint, context }, settings, next);
  };
}

async function runOnce(
  run: KeyedRun,
  settings: IdempotencySettings,
  next: () => Promise<OrchestrationOutput>,
): Promise<OrchestrationOutput> {
  const { key, fingerprint } = run;
  const {
    callerScope,
    ledger,
    settings: { clock },
  } = run.context;
  for (;;) {
    const present = settings.flights[key];
    if (!present) return takeOff(run, settings, next).join(callerScope);
    if (present.fingerprint !== fingerprint) throw otherRequest(key);
    if (isWorkIn(present)) throw joinsItself(key);
    // A copy, as from a store: what one caller does with its output is no other's concern.
    if (present.isJoinable) return structuredClone(await present.join(callerScope, ledger.endsAtMs));
    // Past its lease, a key is free again whether or not the store has taken it back.
    await present.end(callerScope, clock, settings.leaseMs);
    if (settings.flights[key] === present) delete settings.flights[key];
  }
}

/** Runs detached from the caller who happened to be first: others may wait for it when that one has left. */
function takeOff(
  run: KeyedRun,
  settings: IdempotencySettings,
  next: () => Promise<OrchestrationOutput>,
): Flight<OrchestrationOutput> {
  const { key, fingerprint, context } = run;
  const protection = new StoreProtection(settings.onStoreError, context);
  const leave = () => {
    if (settings.flights[key] === flight) delete settings.flights[key];
  };
  const execute = async (scope: CancelScope) => {
    context.scope = scope;
    try {
      return await executeOnce(run, settings, protection, next);
    } catch (error) {
      throw withSpent(context, error);
    } finally {
      if (protection.landing) void protection.landing.then(leave);
      else leave();
    }
  };
  const place: Place = { flight: undefined };
  const flight = new Flight(
    fingerprint,
    context.ledger,
    (scope) => workIn(place, () => execute(scope)),
    () => protection.landing,
  );
  place.flight = flight;
  settings.flights[key] = flight;
  return flight;
}

async function executeOnce(
  run: KeyedRun,
  settings: IdempotencySettings,
  protection: StoreProtection,
  next: () => Promise<OrchestrationOutput>,
): Promise<OrchestrationOutput> {
  const opened = settings.openStore();
  const store = opened instanceof Promise ? await protection.attempt("open", () => opened) : opened;
  const claim = store && (await claimKey(store, run, settings, protection));
  if (!store || !claim) return next();
  if (claim.state === "settled") return { ...claim.output, metadata: { ...claim.output.metadata, replayed: true } };
  return executeClaimed(store, claim, run.context, settings, protection, next);
}
