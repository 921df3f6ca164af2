import { deepestTree } from "../core/canonical.ts";
import { cut } from "./progress/format.ts";

/** Fault of a value that was read from a file and cannot be used, and its place in it. */
export interface DataFault {
  readonly keys: readonly string[];
  readonly message: string;
}

/** The first number that is none (JSON has `1e999`, YAML also `.nan`), or the first branch that goes too deep. */
export function findDataFault(value: unknown): DataFault | undefined {
  const found = find(value, 0);
  if (!found) return undefined;
  const { keys, reason } = found;
  return { keys, message: keys.length > 0 ? `${cut(keys.join("."), 80)}: ${reason}` : reason };
}

function find(value: unknown, depth: number): { keys: readonly string[]; reason: string } | undefined {
  if (typeof value === "number" && !Number.isFinite(value))
    return { keys: [], reason: `got ${value}; allowed: a number, up to 1.8e308` };
  if (typeof value !== "object" || value === null) return undefined;
  if (depth === deepestTree)
    return { keys: [], reason: `got a deeper value; allowed: a tree of at most ${deepestTree} levels` };
  for (const [key, item] of Object.entries(value)) {
    const inside = find(item, depth + 1);
    if (inside) return { ...inside, keys: [key, ...inside.keys] };
  }
  return undefined;
}
