import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import type { ManagedStore } from "../../src/store/store.ts";
import type { Place } from "../support/place.ts";

/** What `programs/writer.ts` says that a store has confirmed to it, or refused. */
export type Fact =
  | { readonly claimed: string }
  | { readonly journaled: string; readonly index: number }
  | { readonly settled: string }
  | { readonly refused: string; readonly message: string };

const program = join(import.meta.dirname, "programs", "writer.ts");

/** @param before shell commands to run in the process before the program, such as a limit */
export function startWriter(
  place: Place,
  { leaseMs, before = "true" }: { leaseMs: number; before?: string },
): ChildProcess {
  const command = `${before} && exec "$0" "$@"`;
  const parameters = ["-c", command, process.execPath, "--no-warnings", program, JSON.stringify({ place, leaseMs })];
  return spawn("bash", parameters, { stdio: ["ignore", "pipe", "inherit"] });
}

export async function* readFacts(writer: ChildProcess): AsyncGenerator<Fact> {
  if (!writer.stdout) throw new Error("The writer's output is not piped.");
  for await (const line of createInterface(writer.stdout)) {
    if (line.endsWith("}")) yield JSON.parse(line) as Fact;
  }
}

/** Every fact is in the store. */
export async function assertConfirmed(store: ManagedStore, facts: readonly Fact[]): Promise<void> {
  expect(facts.length).toBeGreaterThan(0);
  const settled = new Set(facts.flatMap((fact) => ("settled" in fact ? [fact.settled] : [])));
  for (const fact of facts) {
    if ("claimed" in fact) expect(await store.show(fact.claimed)).toBeDefined();
    if ("settled" in fact) expect((await store.show(fact.settled))?.output?.content).toBe(fact.settled);
    if ("journaled" in fact && !settled.has(fact.journaled)) await assertJournaled(store, fact);
  }
}

async function assertJournaled(
  store: ManagedStore,
  { journaled, index }: { journaled: string; index: number },
): Promise<void> {
  const details = await store.show(journaled);
  // The output was written, and its confirmation died with the process.
  if (details?.state === "settled") return;
  expect(details?.replicates.map(({ id }) => id)).toContain(`r${index + 1}`);
}
