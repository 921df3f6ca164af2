import { ReliableOrchestrator } from "../../../src/index.ts";
import { openAt, type Place, task } from "../../support/place.ts";
import { createPass, type Death } from "../death.ts";
import { key, type Mode, toolIn } from "../mode-tool.ts";
import { mortalStore } from "../mortal-store.ts";

/** Life of a process that asks one question under a key, in a way that pays for its prompt once. */
export interface ModeLife {
  readonly place: Place;
  readonly death: Death;
  readonly origin: string;
  readonly mode: Mode;
  readonly leaseMs: number;
}

const { place, death, origin, mode, leaseMs } = task<ModeLife>();
const pass = createPass(death);
const store = mortalStore(openAt(place), [key], pass);
const orchestrator = new ReliableOrchestrator({ store, reliabilityConfig: { leaseMs } });
await orchestrator.run({ tool: toolIn(mode, origin, pass), request: {}, options: { idempotencyKey: key } });
await store.close();
process.disconnect();
