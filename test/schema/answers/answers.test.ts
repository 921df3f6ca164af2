import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { Replicate } from "../../../src/contract/bundle.ts";
import { Orchestrator } from "../../../src/orchestrate/orchestrator.ts";
import { scriptedModel } from "../../../src/testing/scripted-model.ts";
import { PromptBundleTool } from "../../../src/tool/prompt/prompt-bundle-tool.ts";

/** A question asked of a model that says `texts`, one after the other, and what has to come of it. */
interface Case {
  readonly kind: string;
  /** The name of a schema below, or a JSON schema; null for answers in text. */
  readonly schema: string | object | null;
  readonly texts: readonly string[];
  readonly expected: {
    /** By answer; "either" where a refusal is right too. */
    readonly valid: readonly (boolean | "either")[];
    readonly consensus?: unknown;
    readonly consensusIn?: readonly unknown[];
    readonly disagreements?: "yes" | "no";
    readonly votes?: number;
    readonly distinct?: number;
    /** Each valid answer says that something was done to it. */
    readonly warning?: boolean;
    /** Numbers are compared as text. */
    readonly asText?: boolean;
  };
}

const parent = z.object({ name: z.string() });
const schemas: Readonly<Record<string, z.ZodType>> = {
  named: z.object({ name: z.string(), parent: parent.optional() }),
  items: z.object({ items: z.array(z.object({ n: z.string(), q: z.number() })) }),
  list: z.array(z.object({ n: z.string() })),
  nested: z.object({ a: z.object({ b: z.number() }), c: z.number().optional() }),
  loose: z.strictObject({ a: z.looseObject({}).optional(), b: z.looseObject({}).optional(), c: z.number().optional() }),
  triage: z.object({ severity: z.enum(["low", "high"]), component: z.string() }),
  html: z.object({ html: z.string(), n: z.number() }),
  id: z.object({ id: z.number() }),
  ids: z.object({ ids: z.array(z.number()) }),
  either: z.object({ id: z.union([z.string(), z.number()]) }),
  x: z.object({ x: z.number() }),
  v: z.object({ v: z.string() }),
  n: z.object({ n: z.number(), m: z.number().optional() }),
  severity: z.enum(["low", "high"]),
  number: z.number(),
  boolean: z.boolean(),
  any: z.any(),
};

function read(file: string): Case[] {
  const lines = readFileSync(new URL(file, import.meta.url), "utf8")
    .trim()
    .split("\n");
  return lines.map((line) => JSON.parse(line) as Case);
}

async function ask({ schema, texts }: Case) {
  let asked = 0;
  const model = scriptedModel(() => ({ text: texts[asked++] ?? "" }));
  const tool = new PromptBundleTool({
    name: "case",
    model,
    prompt: "q",
    schema: (typeof schema === "string" ? schemas[schema] : (schema ?? undefined)) as never,
    defaultOptions: { k: texts.length, stopping: "none", maxParallel: 1 },
  });
  const output = await new Orchestrator().run({ tool, request: {} });
  return output.content?.evidenceBundle;
}

const withText = (data: unknown, asText = false) =>
  asText && data ? Object.fromEntries(Object.entries(data).map(([key, value]) => [key, String(value)])) : data;

const files = {
  "reported cases": read("reported.jsonl"),
  "siblings of theirs": read("siblings.jsonl"),
  "answers beside other values": read("beside.jsonl"),
};

describe.each(Object.entries(files))("%s", (_, cases) => {
  const named = cases.map((one, index) => ({
    ...one,
    title: `${one.kind} ${index + 1}: ${JSON.stringify(one.texts[0])}`,
  }));

  test.each(named)("$title", async (one) => {
    const { expected } = one;
    const bundle = await ask(one);
    const replicates: readonly Replicate[] = bundle?.replicates ?? [];
    const isExpected = (data: unknown) => {
      const allowed = expected.consensusIn ?? [expected.consensus];
      return allowed.some((each) => JSON.stringify(each) === JSON.stringify(withText(data, expected.asText)));
    };
    for (const [index, want] of expected.valid.entries()) {
      const replicate = replicates[index];
      if (want !== "either") expect(replicate?.valid ?? false, JSON.stringify(replicate?.quality)).toBe(want);
      else if (replicate?.valid) expect(replicate.data).toSatisfy(isExpected);
    }
    const valid = replicates.filter((replicate) => replicate.valid);
    if (!bundle || valid.length === 0) return;
    if ("consensus" in expected || expected.consensusIn) expect(bundle.summary.consensus).toSatisfy(isExpected);
    const [disagreement] = bundle.summary.disagreements;
    if (expected.disagreements) expect(disagreement !== undefined).toBe(expected.disagreements === "yes");
    if (expected.votes) expect(disagreement?.values[0]?.support ?? valid.length).toBe(expected.votes);
    if (expected.distinct && disagreement) expect(disagreement.values).toHaveLength(expected.distinct);
    if (expected.warning) for (const { quality } of valid) expect(quality.warnings?.length).toBeGreaterThan(0);
  });
});
