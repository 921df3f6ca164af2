import { normalizeText } from "../../evidence/text.ts";

/**
 * Whether an answer is the reference answer: normalised, the words of one stand in the other. The same rule judges
 * single answers and the consensus.
 */
export function isRight(answer: string, gold: string): boolean {
  const [given, wanted] = [normalizeText(answer), normalizeText(gold)];
  if (given === "" || wanted === "") return false;
  return ` ${given} `.includes(` ${wanted} `) || ` ${wanted} `.includes(` ${given} `);
}
