import { type LogBatch, SqliteEventLog } from "../../../src/events.ts";
import { PromptBundleTool, ReliableOrchestrator } from "../../../src/index.ts";
import { SqliteStore } from "../../../src/stores/sqlite.ts";
import { scriptedModel } from "../../../src/testing.ts";
import { task } from "../../support/place.ts";
import { die } from "../death.ts";

/** Life of a process whose run is watched by others. */
export interface EventsLife {
  readonly store: string;
  readonly events: string;
  readonly key: string;
  readonly requestId: string;
  readonly k: number;
  /** Dies in this call of the model, or before or after this batch of events is kept; each counts from 1. */
  readonly death: { readonly at: "call" | "before append" | "after append"; readonly passing: number };
}

/** Log whose process dies around an append. */
class MortalLog extends SqliteEventLog {
  override async append(batches: readonly LogBatch[]): Promise<readonly string[]> {
    pass("before append");
    const refused = await super.append(batches);
    pass("after append");
    return refused;
  }
}

const { store, events, key, requestId, k, death } = task<EventsLife>();
const passings: Record<string, number> = {};
function pass(at: EventsLife["death"]["at"]): void {
  passings[at] = (passings[at] ?? 0) + 1;
  if (at === death.at && passings[at] === death.passing) die();
}

const model = scriptedModel(({ seed }: any) => {
  pass("call");
  return { text: `answer to ${seed}` };
});
const defaultOptions = { k, stopping: "none", maxParallel: 1 } as const;
const tool = new PromptBundleTool({ name: "triage", model, prompt: "Is it open?", defaultOptions });
const orchestrator = new ReliableOrchestrator({
  store: new SqliteStore({ path: store }),
  events: new MortalLog({ path: events }),
});
await orchestrator.run({ tool, request: {}, options: { idempotencyKey: key, requestId } });
