import { counted } from "../progress/format.ts";
import { type StoreFlags, withStore } from "./open-managed-store.ts";
import { printJson } from "./print-json.ts";

/** Removes what has expired, and prints how much that was. */
export async function sweepStore(flags: StoreFlags): Promise<void> {
  const removed = await withStore(flags, (store) => store.sweep());
  if (flags.json) printJson({ removed });
  else process.stdout.write(`${counted(removed, "expired key")} removed.\n`);
}
