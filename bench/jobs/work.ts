/** Work of every contender: three short answers to each of many short questions. */
export const concurrency = 10;
export const question = "Report: {{report}}";
export const schema = {
  type: "object",
  properties: { severity: { enum: ["low", "high"] }, component: { enum: ["editor", "login", "sync"] } },
  required: ["severity", "component"],
  additionalProperties: false,
};

export function promptOf({ report }: { readonly report: string }): string {
  return question.replace("{{report}}", report);
}

export function* questions(count: number): Generator<{ readonly report: string }> {
  for (let index = 0; index < count; index++)
    yield { report: `report ${index}: the app crashes when I save a file of 2 GB` };
}
