import type { ToolMetadata } from "../contract/tool.ts";
import { readAttribute } from "./conditions.ts";
import { createDecision } from "./decision.ts";
import type { PlanContext, PlanDecision } from "./planner.ts";

type Candidate = readonly [name: string, tool: ToolMetadata];

/**
 * The plan where no rule holds: a tool that declares the request's `type` as a capability, or bears it in its name; else
 * the tool that was registered first. Where a least confidence is asked for, bundle tools come first, as only they tell
 * one. Only tools that declare the same type stand in for each other: another tool may do anything.
 */
export function defaultPlan(request: unknown, candidates: readonly Candidate[], context: PlanContext): PlanDecision {
  const type = readAttribute(request, "type");
  const ofType = typeof type === "string" ? candidates.filter((candidate) => declares(candidate, type)) : [];
  const eligible = ofType.length > 0 ? ofType : candidates;
  const bundles =
    context.qualityRequirements?.minConfidence === undefined ? [] : eligible.filter(([, tool]) => tool.supportsBundle);
  const equals = bundles.length > 0 ? bundles : eligible;
  const [name, tool] = equals[0] as Candidate;
  return createDecision(
    {
      name,
      tool,
      toolOptions: {},
      fallbackTools: ofType.map(([other]) => other).filter((other) => other !== name),
      confidence: 1 / equals.length,
      reasoning: `No rule holds. ${whyFirst(name, equals.length, ofType.length > 0 ? String(type) : undefined)}`,
      metadata: {},
    },
    request,
  );
}

function declares([name, tool]: Candidate, type: string): boolean {
  const wanted = type.toLowerCase();
  const words = [...tool.capabilities, name, ...name.split(/[^\p{L}\p{N}]+/u)];
  return words.some((word) => word.toLowerCase() === wanted);
}

function whyFirst(name: string, count: number, type: string | undefined): string {
  const fits = type === undefined ? "can run" : `can run and declares the type "${type}" of the request`;
  if (count === 1) return `"${name}" is the only tool that ${fits}.`;
  return `"${name}" was registered first of the ${count} tools that ${fits.replace("declares", "declare")}. Add a rule, or name the tool.`;
}
