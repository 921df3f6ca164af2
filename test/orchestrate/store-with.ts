import type { RunStore } from "../../src/reliability.ts";
import { MemoryStore } from "../../src/stores/memory.ts";

/** A memory store some of whose methods are replaced. */
export function storeWith(own: (inner: RunStore) => Partial<RunStore>, inner: RunStore = new MemoryStore()): RunStore {
  const methods = ["claim", "renew", "savePlan", "append", "settle", "release", "close"] as const;
  const bound = Object.fromEntries(methods.map((method) => [method, (inner[method] as any).bind(inner)]));
  return { ...bound, ...own(inner) } as unknown as RunStore;
}
