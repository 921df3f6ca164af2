/** A whole answer, as the server was told to give it. */
export interface WireAnswer {
  readonly id: string;
  readonly model: string;
  readonly text: string;
  /** `null`: the server keeps its figures to itself. */
  readonly usage: { input: number; cached: number; output: number; reasoning: number } | null;
}

/** How one endpoint writes an answer: in one piece, and as the data lines of a stream. */
export interface Wire {
  whole(answer: WireAnswer): object;
  /** `pieces` are the parts of the text; the events before and after them belong to the protocol. */
  stream(answer: WireAnswer, pieces: readonly string[]): { opening: object[]; pieces: object[]; closing: object[] };
}

/** https://platform.openai.com/docs/api-reference/chat */
export const chatCompletions: Wire = {
  whole: (answer) => ({
    ...chatHead(answer, "chat.completion"),
    choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: answer.text } }],
    ...(answer.usage && { usage: chatUsage(answer.usage) }),
  }),
  stream(answer, pieces) {
    const chunk = (choice: object) => ({
      ...chatHead(answer, "chat.completion.chunk"),
      choices: [{ index: 0, finish_reason: null, ...choice }],
    });
    return {
      opening: [chunk({ delta: { role: "assistant", content: "" } })],
      pieces: pieces.map((content) => chunk({ delta: { content } })),
      closing: [
        chunk({ delta: {}, finish_reason: "stop" }),
        ...(answer.usage
          ? [{ ...chatHead(answer, "chat.completion.chunk"), choices: [], usage: chatUsage(answer.usage) }]
          : []),
      ],
    };
  },
};

/** https://platform.openai.com/docs/api-reference/responses */
export const responses: Wire = {
  whole: (answer) => ({ ...responseHead(answer), ...responseEnd(answer), output: [message(answer)] }),
  stream: (answer, pieces) => ({
    opening: [
      { type: "response.created", response: responseHead(answer) },
      { type: "response.output_item.added", output_index: 0, item: { type: "message", id: "item" } },
    ],
    pieces: pieces.map((delta) => ({ type: "response.output_text.delta", item_id: "item", output_index: 0, delta })),
    closing: [
      { type: "response.output_item.done", output_index: 0, item: message(answer) },
      { type: "response.completed", response: { ...responseHead(answer), ...responseEnd(answer) } },
    ],
  }),
};

function chatHead({ id, model }: WireAnswer, object: string): object {
  return { id, object, created: 1_700_000_000, model };
}

function chatUsage({ input, cached, output, reasoning }: NonNullable<WireAnswer["usage"]>): object {
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}

function responseHead({ id, model }: WireAnswer): object {
  return { id, object: "response", created_at: 1_700_000_000, model };
}

function responseEnd({ usage }: WireAnswer): object {
  if (!usage) return { incomplete_details: null };
  return {
    incomplete_details: null,
    usage: {
      input_tokens: usage.input,
      input_tokens_details: { cached_tokens: usage.cached },
      output_tokens: usage.output,
      output_tokens_details: { reasoning_tokens: usage.reasoning },
      total_tokens: usage.input + usage.output,
    },
  };
}

function message({ text }: WireAnswer): object {
  return {
    type: "message",
    id: "item",
    role: "assistant",
    status: "completed",
    content: [{ type: "output_text", text, annotations: [] }],
  };
}
