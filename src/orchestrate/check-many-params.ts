import type { ResolvedOrchestrationConfig } from "../contract/config.ts";
import type { OptionIssue } from "../core/errors.ts";

/** What would make every run but one a conflict, or two runs indistinguishable. */
const perRunOptions = ["idempotencyKey", "requestId"] as const;

/** Checks what only `runMany` takes, and that nothing is there which only one run can have. */
export function checkManyParams(
  { requests, concurrency }: { readonly requests?: unknown; readonly concurrency?: unknown },
  options: Partial<ResolvedOrchestrationConfig> | undefined,
  issues: OptionIssue[],
): void {
  if (!isIterable(requests))
    issues.push({ path: "requests", given: requests, allowed: "an iterable or async iterable of requests" });
  if (concurrency !== undefined && !(Number.isInteger(concurrency) && (concurrency as number) >= 1))
    issues.push({ path: "concurrency", given: concurrency, allowed: "a whole number of at least 1" });
  for (const name of perRunOptions) {
    if (options?.[name] === undefined) continue;
    const allowed = "nothing here: it is one run's; call run() for each request";
    issues.push({ path: `options.${name}`, given: options[name], allowed });
  }
}

function isIterable(value: unknown): boolean {
  return typeof value === "object" && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value);
}
