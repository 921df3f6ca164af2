import type { PromptMessage } from "../contract/model.ts";

/**
 * The messages of a question of which only some fields are to be answered. It is the system that says so: what the user
 * asks stays the same question.
 */
export function askForFields(messages: readonly PromptMessage[], fields: readonly string[]): readonly PromptMessage[] {
  const instruction = `Of the answer, only these fields are needed (JSON pointers); leave out all others: ${fields.join(", ")}`;
  const [first, ...others] = messages;
  if (first?.role !== "system") return [{ role: "system", content: instruction }, ...messages];
  return [{ ...first, content: `${first.content}\n\n${instruction}` }, ...others];
}
