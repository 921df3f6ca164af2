import { seededRandom } from "../core/random.ts";
import { type ScriptedModel, type ScriptedUsage, scriptedModel } from "./scripted-model.ts";

/** Decisions of a scripted judge. */
export interface ScriptedJudgeOptions {
  /** Tells if two answers mean the same. */
  same: (a: string, b: string) => boolean;
  /** Share of decisions on two answers that are turned round, by a seeded draw. Default: 0. */
  noise?: number | undefined;
  /** Default: 1. */
  seed?: number | undefined;
  /** Tokens of each call. Default: withheld. */
  usage?: ScriptedUsage | undefined;
}

/**
 * A model that groups answers for `compare.judge` as a test tells it to. An answer joins the first group whose first answer
 * means the same.
 *
 * @example
 * ```ts
 * const judge = scriptedJudge({ same: (a, b) => a.includes("yes") === b.includes("yes") });
 * const tool = new PromptBundleTool({
 *   name: "advice",
 *   model: scriptedModel([{ text: "Yes." }, { text: "By all means, yes." }, { text: "No." }]),
 *   prompt: "…",
 *   defaultOptions: { compare: { judge } },
 * });
 * ```
 */
export function scriptedJudge({ same, noise = 0, seed = 1, usage }: ScriptedJudgeOptions): ScriptedModel {
  const random = seededRandom(seed);
  const decide = (a: string, b: string) => same(a, b) !== random.next() < noise;
  return scriptedModel(
    ({ prompt }) => ({ object: { lists: listsIn(prompt).map((texts) => groupsOf(texts, decide)) }, usage }),
    { provider: "scripted-judge", modelId: "scripted-judge-1" },
  );
}

/** The lists of answers in the prompt of a judge. */
function listsIn(prompt: unknown): string[][] {
  const { content } = (prompt as { role: string; content: { text: string }[] }[]).findLast(
    ({ role }) => role === "user",
  ) ?? { content: [] };
  const text = content.map((part) => part.text).join("");
  const lists: { answers: Record<string, string> }[] = JSON.parse(text.slice(text.lastIndexOf("\n") + 1));
  return lists.map(({ answers }) => Object.values(answers));
}

function groupsOf(texts: readonly string[], same: (a: string, b: string) => boolean): number[][] {
  const groups: number[][] = [];
  texts.forEach((text, number) => {
    const group = groups.find(([first]) => same(texts[first as number] as string, text));
    if (group) group.push(number);
    else groups.push([number]);
  });
  return groups;
}
