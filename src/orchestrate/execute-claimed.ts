import { ConflictError } from "../contract/errors.ts";
import type { OrchestrationOutput } from "../contract/output.ts";
import type { Usage } from "../contract/usage.ts";
import { InvalidOptionsError } from "../core/errors.ts";
import type { RunStore } from "../store/store.ts";
import type { WonClaim } from "./claim-key.ts";
import { createClaimJournal } from "./journal.ts";
import { keepLease } from "./lease.ts";
import type { RunContext } from "./run-context.ts";
import { withPartial } from "./run-output.ts";
import type { StoreProtection } from "./store-protection.ts";

/** Failures that the request itself fixes: asking again gives the same. */
const fixedByRequest = new Set(["invalid_request", "context_length"]);
/**
 * But a refusal can be a fallback's whose package is not installed, not here and not yet, and a conflict that of a run
 * which the tool has started.
 */
const mayPass = new Set<string>([InvalidOptionsError.code, ConflictError.code]);

/**
 * Executes a run that holds its key, with the journal of those before it, and then stores its output or gives the key
 * back.
 *
 * @param ttlMs how long the output is kept
 */
export async function executeClaimed(
  store: RunStore,
  { token, replicates, plan, askedAtMs }: WonClaim,
  context: RunContext,
  { leaseMs, ttlMs }: { readonly leaseMs: number; readonly ttlMs: number },
  protection: StoreProtection,
  next: () => Promise<OrchestrationOutput>,
): Promise<OrchestrationOutput> {
  const { clock } = context.settings;
  const journal = createClaimJournal(replicates, (replicate) =>
    protection.attempt("append", () => store.append(token, replicate)),
  );
  const lease = keepLease({ store, token, leaseMs, askedAtMs, clock, onLost: (error) => protection.onLost(error) });
  context.journal = journal;
  context.keptPlan = plan;
  context.keepPlan = (decision) => protection.attempt("save_plan", () => store.savePlan(token, decision));
  const release = () => store.release(token);
  let output: OrchestrationOutput | undefined;
  try {
    output = withJournaledUsage(await next(), journal.journaledUsage());
    const kept = output;
    lease.giveBack();
    if (isFinal(kept)) await protection.attempt("settle", () => store.settle(token, kept, ttlMs), { isWhole: true });
    else await protection.giveBack(release);
    return output;
  } catch (error) {
    // The run's own error says more than a store that cannot let go of the key: its lease will run out.
    await protection.letGo(release);
    throw output ? withPartial(error, output) : error;
  } finally {
    lease.stop();
  }
}

function withJournaledUsage(output: OrchestrationOutput, journaledUsage: Usage | undefined): OrchestrationOutput {
  return journaledUsage ? { ...output, metadata: { ...output.metadata, journaledUsage } } : output;
}

function isFinal(output: OrchestrationOutput): boolean {
  if (output.status !== "failed") return output.status === "completed";
  return Object.values(output.errors).every(
    ({ category, code, isRetryable }) => fixedByRequest.has(category ?? "") && !isRetryable && !mayPass.has(code),
  );
}
