import { fingerprint } from "../core/canonical.ts";
import { seededRandom } from "../core/random.ts";

/** Providers take seeds as 32-bit signed integers. */
const seedLimit = 2 ** 31;

/**
 * A seed for each of `k` replicates that depends on the tool and the caller's request alone, so that the same question is
 * asked with the same seeds wherever and whenever it is asked.
 */
export function deriveSeeds(toolName: string, request: unknown, k: number): number[] {
  const random = seededRandom(startFor(toolName, request));
  const seeds = new Set<number>();
  while (seeds.size < k) seeds.add(Math.floor(random.next() * seedLimit));
  return [...seeds];
}

function startFor(toolName: string, request: unknown): number {
  try {
    return Number.parseInt(fingerprint({ toolName, request }).slice(0, 8), 16);
  } catch {
    // A request with functions or BigInt in it has no canonical form; the tool's name still tells tools apart.
    return Number.parseInt(fingerprint(toolName).slice(0, 8), 16);
  }
}
