import { type BundleOptions, bundleOptions } from "../contract/bundle-options.ts";
import { InvalidOptionsError, type OptionIssue } from "../core/errors.ts";
import { collectOptions, type ResolvedOptions } from "../core/options.ts";

/** Bundle options with every default filled in. Seeds are left open where nobody gave any: they depend on the request. */
export type CheckedBundleOptions = ResolvedOptions<typeof bundleOptions>;

/**
 * Checks what the run and the tool say, the run's word counting more.
 *
 * @throws InvalidOptionsError naming every fault
 */
export function resolveBundleOptions(
  given: BundleOptions | undefined,
  defaults: BundleOptions | undefined,
): CheckedBundleOptions {
  const issues: OptionIssue[] = [];
  collectOptions(bundleOptions, defaults, "defaultOptions", issues);
  const resolved = collectOptions(
    bundleOptions,
    { ...withStopping(defaults), ...withStopping(given) },
    "toolOptions",
    issues,
  );
  if (resolved?.seeds && resolved.seeds.length < resolved.k) {
    issues.push({ path: "toolOptions.seeds", given: resolved.seeds, allowed: `at least k = ${resolved.k} seeds` });
  }
  if (issues.length > 0 || !resolved) throw new InvalidOptionsError(issues);
  return resolved;
}

/** Options without those given as `undefined`, where `epsilon` alone means the rule of that name. */
function withStopping(options: BundleOptions | undefined): BundleOptions {
  const given = Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined));
  return "epsilon" in given && !("stopping" in given) ? { ...given, stopping: "epsilon" } : given;
}
