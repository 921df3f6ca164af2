/** Meaning of the word with which a provider ends an answer. Only a complete answer votes as it stands. */
export type Ending = "complete" | "cut_off" | "refused" | "failed" | "paused";

interface EndingWords {
  readonly ending: Ending;
  /** HTTP status that a failure of this kind would have had. */
  readonly status?: number;
  readonly words: string;
  /** Document that lists the words. */
  readonly source: string;
}

/**
 * Every word that ends an answer, with its source. Letters' case and the marks between words do not count: `MAX_TOKENS`, `maxTokens`
 * and `FINISH_REASON_MAX_TOKENS` are one word.
 */
export const endingWords: readonly EndingWords[] = [
  // Complete: the model stopped by itself, at a stop sequence, or to call a tool.
  { ending: "complete", words: "stop tool_calls function_call", source: "OpenAI, chat completions reference" },
  { ending: "complete", words: "completed", source: "OpenAI, Responses reference (status)" },
  {
    ending: "complete",
    words: "end_turn stop_sequence tool_use",
    source: "Anthropic and Bedrock Converse, stop reasons",
  },
  { ending: "complete", words: "eos", source: "Together, chat reference; llama.cpp server" },
  { ending: "complete", words: "eos_token", source: "Hugging Face TGI reference; IBM watsonx reference" },
  { ending: "complete", words: "complete tool_call", source: "Cohere, chat reference" },
  { ending: "complete", words: "word", source: "llama.cpp server, stop_type" },
  { ending: "complete", words: "eosFound stopStringFound", source: "LM Studio SDK, stopReason" },
  { ending: "complete", words: "normal", source: "Baidu Qianfan, chat reference" },
  {
    ending: "complete",
    words: "end_of_text stop_sequence_reached",
    source: "Aleph Alpha, AI21 (endoftext), completion reference",
  },
  { ending: "complete", words: "FINISHED FINISH STOP_CRITERIA_MET", source: "Bedrock, Titan text (completionReason)" },
  { ending: "complete", words: "END_ID STOP_WORDS", source: "NVIDIA TensorRT-LLM, FinishReason" },

  // Cut off: a limit was reached before the model had finished.
  { ending: "cut_off", words: "length", source: "OpenAI, chat completions reference" },
  { ending: "cut_off", words: "max_output_tokens", source: "OpenAI, Responses reference (incomplete_details)" },
  { ending: "cut_off", words: "max_tokens model_context_window_exceeded", source: "Anthropic, stop reasons" },
  { ending: "cut_off", words: "model_length", source: "Mistral, chat reference" },
  { ending: "cut_off", words: "CONTINUATION", source: "Google, candidates of a long decode (@ai-sdk/google)" },
  { ending: "cut_off", words: "ERROR_LIMIT", source: "Cohere, chat reference" },
  { ending: "cut_off", words: "token_limit not_finished", source: "IBM watsonx reference" },
  { ending: "cut_off", words: "limit", source: "llama.cpp server, stop_type" },
  { ending: "cut_off", words: "maxPredictedTokensReached contextLengthReached", source: "LM Studio SDK, stopReason" },
  { ending: "cut_off", words: "repetition", source: "vLLM, repetition detection" },
  { ending: "cut_off", words: "context", source: "Reka, chat reference" },
  { ending: "cut_off", words: "maximum_tokens", source: "Aleph Alpha, AI21 (endoftext), completion reference" },
  { ending: "cut_off", words: "REASON_MAX_LEN REASON_MAX_CONTEXT", source: "xAI, gRPC API (FinishReason)" },
  { ending: "cut_off", words: "max_output", source: "MiniMax, chat reference" },

  // Refused: the model or a filter withheld the answer, or the rest of it.
  { ending: "refused", words: "content_filter", source: "OpenAI, chat completions and Responses reference" },
  { ending: "refused", words: "refusal", source: "Anthropic, stop reasons" },
  { ending: "refused", words: "guardrail_intervened content_filtered", source: "Bedrock Converse, stop reasons" },
  {
    ending: "refused",
    words:
      "SAFETY RECITATION BLOCKLIST PROHIBITED_CONTENT SPII MODEL_ARMOR IMAGE_SAFETY IMAGE_PROHIBITED_CONTENT IMAGE_RECITATION",
    source: "Google, FinishReason and BlockedReason",
  },
  { ending: "refused", words: "ERROR_TOXIC", source: "Cohere, chat reference" },
  { ending: "refused", words: "sensitive", source: "z.ai, chat reference" },
  {
    ending: "refused",
    words: "input_guardrail_triggered output_guardrail_triggered",
    source: "Databricks, guardrails of the AI gateway",
  },
  { ending: "refused", words: "blacklist", source: "GigaChat, chat reference" },

  // Failed: the server gave up. Whatever it has written is a part.
  { ending: "failed", status: 500, words: "error", source: "Mistral, Cohere, OpenRouter, watsonx, vLLM" },
  { ending: "failed", status: 500, words: "failed", source: "OpenAI, Responses reference (status)" },
  {
    ending: "failed",
    status: 503,
    words: "cancelled canceled",
    source: "OpenAI, Responses reference (status); watsonx",
  },
  {
    ending: "failed",
    status: 503,
    words: "in_progress queued incomplete",
    source: "OpenAI, Responses reference (status)",
  },
  { ending: "failed", status: 503, words: "abort aborted", source: "vLLM and SGLang, aborted requests" },
  { ending: "failed", status: 503, words: "user_cancel", source: "Cohere, chat reference" },
  {
    ending: "failed",
    status: 504,
    words: "timeout time_limit",
    source: "Cohere, chat reference; IBM watsonx reference",
  },
  { ending: "failed", status: 503, words: "insufficient_system_resource", source: "DeepSeek, chat reference" },
  { ending: "failed", status: 500, words: "network_error", source: "z.ai, chat reference" },
  { ending: "failed", status: 503, words: "load unload", source: "Ollama, generate and chat (done_reason)" },
  { ending: "failed", status: 503, words: "userStopped modelUnloaded", source: "LM Studio SDK, stopReason" },
  {
    ending: "failed",
    status: 500,
    words: "malformed_model_output malformed_tool_use",
    source: "Bedrock Converse, stop reasons",
  },
  {
    ending: "failed",
    status: 500,
    words:
      "MALFORMED_FUNCTION_CALL UNEXPECTED_TOOL_CALL TOO_MANY_TOOL_CALLS MISSING_THOUGHT_SIGNATURE MALFORMED_RESPONSE LANGUAGE NO_IMAGE IMAGE_OTHER",
    source: "Google, FinishReason",
  },

  // Paused: the provider expects to be asked for the rest.
  { ending: "paused", words: "pause_turn compaction", source: "Anthropic, stop reasons" },
];

const byWord = new Map(endingWords.flatMap((row) => row.words.split(" ").map((word) => [plain(word), row] as const)));

/**
 * Stems of words that no table has yet. They say only that an answer is not complete: a word that may end a complete one has to be
 * listed. The first that a word holds decides.
 */
const endingStems: readonly (readonly [RegExp, Omit<EndingWords, "words" | "source">])[] = [
  [/safety|filter|block|moderat|guardrail|policy|toxic|unsafe|sensitive|censor|prohibit|refus/, { ending: "refused" }],
  [/time(d|s)?out|timelimit|deadline/, { ending: "failed", status: 504 }],
  [/maxlen|max\w*(token|length)|(token|length|context)\w*(limit|reached|exceed)|truncat/, { ending: "cut_off" }],
  [
    /overload|unavailable|preempt|evict|abort|cancel|interrupt|disconnect|connection/,
    { ending: "failed", status: 503 },
  ],
  [/error|fail|crash|exception|malformed/, { ending: "failed", status: 500 }],
];

/** Meaning of one word; `undefined` of a word that neither the table nor a stem knows. */
export function endingOf(word: string): Pick<EndingWords, "ending" | "status"> | undefined {
  const written = plain(word);
  return byWord.get(written) ?? endingStems.find(([stem]) => stem.test(written))?.[1];
}

function plain(word: string): string {
  return word
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, "")
    .replace(/^(?:finish|stop)?reason(?=.)/, "");
}

/** Stands for a word in servers that always write the field. */
export function isNoWord(word: unknown): boolean {
  return typeof word !== "string" || /^\s*(?:null|none)?\s*$/i.test(word);
}
