import { z } from "zod";
import type { CallPlan } from "./scenario.ts";

/** What answers must fit, where they must fit anything. */
export const voteSchema = z.object({ vote: z.number().int().min(0).max(9), why: z.string() });

const why = "so it is said";

/** The text that a call is answered with, and the data that a valid one stands for. */
export function answerOf({ fault, vote }: CallPlan, isObject: boolean): { text: string; data: unknown } {
  if (fault === "hostile") return textAnswer(hostileTexts[vote % hostileTexts.length] as string);
  if (!isObject) return textAnswer(fault === "garbage" ? "####" : `It is ${vote}, so they say`);
  if (fault === "garbage") return textAnswer("#### ## #");
  if (fault === "mismatch") return textAnswer(`{"vote": "many", "why": "${why}"}`);
  return { text: `{"vote": ${vote}, "why": "${why}"}`, data: { vote, why } };
}

/** Each took a parser of answers seconds where it was long enough. Read in one slice: the clock of the world does not wait. */
const hostileTexts = ['["'.repeat(150), "```json\n{".repeat(60), `${"e\u0301\u0323".repeat(150)}!`];

/** In bytes, which are more than tokens. */
export const longestHostileAnswer = Math.max(...hostileTexts.map((text) => Buffer.byteLength(text)));

function textAnswer(text: string): { text: string; data: unknown } {
  return { text, data: text };
}
