/** A tool's facts may be a field, a getter or an assignment, and its types come from its class. */
import { type ContentOf, createRegistry, type InputOf, Orchestrator, Tool, type ToolContext } from "steer-llm-sdk";
import { type Equal, expectTrue } from "./equal.ts";

class ByField extends Tool<{ id: string }, number> {
  readonly name = "by_field";
  override readonly version = "2.0.0";
  override readonly description = "counts";
  override readonly capabilities = ["count"];
  async execute({ id }: { id: string }, _options: object, { signal, clock, budget }: ToolContext) {
    await clock.sleep(1, { signal });
    return id.length + (budget.remaining().tokens ?? 0);
  }
}

class ByGetter extends Tool<string, string, { shout: boolean }> {
  get name() {
    return "by_getter";
  }
  override get version() {
    return "3.0.0";
  }
  async execute(request: string, { shout }: { shout: boolean }) {
    return shout ? request.toUpperCase() : request;
  }
}

expectTrue<Equal<InputOf<ByField>, { id: string }>>();
expectTrue<Equal<ContentOf<ByField>, number>>();

const orchestrator = new Orchestrator();
const counted = await orchestrator.run({ tool: new ByField(), request: { id: "7" } });
if (counted.status === "completed") expectTrue<Equal<typeof counted.content, number>>();

await orchestrator.run({ tool: new ByGetter(), request: "hello", toolOptions: { shout: true } });
// @ts-expect-error the tool's own option has the wrong type
await orchestrator.run({ tool: new ByGetter(), request: "hello", toolOptions: { shout: "yes" } });
// @ts-expect-error the request has the wrong type
await orchestrator.run({ tool: new ByGetter(), request: 7 });
// @ts-expect-error a run takes `options`, not `option`
await orchestrator.run({ tool: new ByGetter(), request: "hello", option: {} });

// @ts-expect-error a tool has a name
class Nameless extends Tool {
  async execute() {}
}
class Immediate extends Tool<string, number> {
  readonly name = "immediate";
  // @ts-expect-error a result comes as a promise
  execute() {
    return 1;
  }
}

export { Immediate, Nameless };

const orchestratorOfTwo = new Orchestrator({ registry: createRegistry([new ByField(), new ByGetter()]) });
// A name that is no literal type cannot be looked up by type, so any request passes.
await orchestratorOfTwo.run({ toolName: "by_getter", request: "hello" });
