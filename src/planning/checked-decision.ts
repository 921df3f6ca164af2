import { PlanningError } from "../contract/errors.ts";
import { messageOf, showValue } from "../core/errors.ts";
import type { PlanDecision } from "./planner.ts";

/** The part of a decision that a run follows; the rest is for people. */
type Followed = Pick<PlanDecision, "selectedTool" | "toolOptions" | "fallbackTools">;

/** A decision that a run can follow, and the whole of it as data. */
export interface CheckedDecision extends Followed {
  readonly told: PlanDecision;
}

/**
 * Checks what a planner decided. Options and fallbacks may be left out.
 *
 * @param whose for the error: `"The planner"`
 * @throws PlanningError naming everything that a run cannot follow, what was given and what is wanted
 */
export function checkedDecision(given: unknown, whose: string): CheckedDecision {
  const faults: string[] = [];
  const expect = (name: string, value: unknown, fits: boolean, wanted: string) => {
    if (!fits) faults.push(`${name}: got ${showValue(value)}; wanted: ${wanted}`);
  };
  if (!isObject(given)) throw unfit(whose, [`got ${showValue(given)}; wanted: an object with a selectedTool`]);
  const { selectedTool, toolOptions = {}, fallbackTools = [] } = given as Partial<PlanDecision>;
  expect("selectedTool", selectedTool, isName(selectedTool), "the name of a tool");
  expect("toolOptions", toolOptions, isObject(toolOptions), "an object of the tool's options");
  const isList = Array.isArray(fallbackTools) && fallbackTools.every(isName);
  expect("fallbackTools", fallbackTools, isList, "a list of names of tools");
  const told = asData(given, (fault) => faults.push(fault));
  if (faults.length > 0) throw unfit(whose, faults);
  return { selectedTool: selectedTool as string, toolOptions, fallbackTools, told };
}

/** It stands in the output, which is data; options that are none, such as functions, stay out of that. */
function asData(decision: object, refuse: (fault: string) => void): PlanDecision {
  try {
    return JSON.parse(JSON.stringify(decision));
  } catch (error) {
    refuse(`it cannot be written as JSON: ${messageOf(error)}`);
    return decision as PlanDecision;
  }
}

function unfit(whose: string, faults: readonly string[]): PlanningError {
  return new PlanningError(`${whose} gave a decision that no run can follow: ${faults.join(". ")}`, {});
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isName(value: unknown): boolean {
  return typeof value === "string" && value !== "";
}
