import { defineTool } from "steer-llm-sdk";
import type { Failure } from "./night.ts";
import { high, request, triage } from "./triage.ts";

const owner = defineTool({
  name: "owner",
  execute: (_request: object) => JSON.parse('{ "teams": {} }').teams.editor.owner as string,
});

export const ownFailures: readonly Failure[] = [
  {
    title: "Code of yours throws",
    async act(night) {
      await night.watch(() => night.orchestrator().run({ tool: owner, request }), "In a tool");
      const onEvent = () => {
        throw new Error("no such element");
      };
      const tool = triage(() => high);
      await night.watch(() => night.orchestrator().run({ tool, request, onEvent }), "In a listener to events");
    },
  },
];
