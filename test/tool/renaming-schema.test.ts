import { expect, test } from "vitest";
import { z } from "zod";
import { Orchestrator, PromptBundleTool, unwrap } from "../../src/index.ts";
import { scriptedModel } from "../../src/testing.ts";

const level = z.enum(["low", "high"]);
const renamed = z
  .object({ sev: level })
  .transform(({ sev }) => ({ severity: sev }))
  .pipe(z.object({ severity: level }));
const dropped = z.object({ when: z.iso.date(), n: z.number() }).transform(({ n }) => ({ n }));

test.each<[string, z.ZodType<any>, object, object]>([
  ["renames a field that has an enum", renamed, { sev: "low" }, { severity: "low" }],
  ["drops a field that has a format", dropped, { when: "2024-01-02", n: 3 }, { n: 3 }],
])("takes a schema that %s, and refuses no option that was not given", async (_, schema, object, consensus) => {
  const model = scriptedModel(() => ({ object }));
  const tool = new PromptBundleTool({ name: "t", model, prompt: "x", schema });
  const { summary } = unwrap(await new Orchestrator().run({ tool, request: {} })).evidenceBundle;
  expect(summary.consensus).toEqual(consensus);
});
