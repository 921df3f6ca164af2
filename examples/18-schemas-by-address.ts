/**
 * A schema that is known by its address: `client.registerSchema` names it, `schemaUri` asks for it. A simulation answers.
 */
import { hasEvidence, Orchestrator, PromptBundleTool, SteerLLMClient } from "steer-llm-sdk";

const uri = "https://schemas.example/triage-1.json";
const client = new SteerLLMClient();
client.registerSchema(uri, {
  type: "object",
  properties: { severity: { enum: ["low", "high"] }, component: { enum: ["editor", "billing", "login"] } },
  required: ["severity", "component"],
  additionalProperties: false,
});

const triage = client.registerTool(
  new PromptBundleTool({ name: "triage_by_address", model: "simulated:?error=0.2", prompt: "Report:\n{{report}}" }),
);

const output = await new Orchestrator().run({
  tool: triage,
  request: { report: "The invoice of March shows the price of February." },
  toolOptions: { k: 5, schemaUri: uri },
});

if (hasEvidence(output)) {
  const { summary, meta } = output.content.evidenceBundle;
  console.log(summary.consensus);
  console.log(`${meta.kCompleted} answers, each fits ${meta.schemaUri}`);
}
