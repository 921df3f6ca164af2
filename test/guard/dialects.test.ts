import { APICallError } from "@ai-sdk/provider";
import { describe, expect, test } from "vitest";
import { classify } from "../../src/guard/classify.ts";

/** An error as the AI SDK makes it of a response whose body it may not understand. */
function answered(status: number, body: unknown): APICallError {
  const responseBody = typeof body === "string" ? body : JSON.stringify(body);
  const { error } = (typeof body === "object" && body !== null ? body : {}) as { error?: { message?: unknown } };
  const message = typeof error?.message === "string" ? error.message : "Bad Request";
  return new APICallError({
    message,
    url: "https://api.example",
    requestBodyValues: {},
    statusCode: status,
    responseBody,
  });
}

/** The same failure, as clients hand it on: by the AI SDK, parsed by a vendor's package, in axios' response, as text. */
const shapes = (status: number, body: unknown): unknown[] => [
  answered(status, body),
  Object.assign(new Error(`${status} status code (no body)`), { status, error: (body as any)?.error ?? body }),
  Object.assign(new Error("Request failed"), { name: "AxiosError", response: { status, data: body } }),
  new Error(`${status} ${JSON.stringify(body)}`),
];

const openAi = (message: string, more: object = {}) => ({ error: { message, type: "invalid_request_error", ...more } });
const google = (code: number, message: string, status: string, details: object[] = []) => ({
  error: { code, message, status, details },
});
const anthropic = (type: string, message: string) => ({ type: "error", error: { type, message } });

type Row = readonly [server: string, status: number, body: unknown];

const overflows: readonly Row[] = [
  ["OpenAI", 400, openAi("This model's maximum context length is 128000 tokens.", { code: "context_length_exceeded" })],
  [
    "OpenAI, in words",
    400,
    openAi(
      "Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300001 tokens. Please reduce the length of the messages.",
    ),
  ],
  ["Anthropic", 400, anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum")],
  [
    "Anthropic, with the answer",
    400,
    anthropic(
      "invalid_request_error",
      "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again",
    ),
  ],
  ["Anthropic, in bytes", 413, anthropic("request_too_large", "Request exceeds the maximum size")],
  [
    "llama.cpp",
    400,
    openAi("request (33056 tokens) exceeds the available context size (32768 tokens), try increasing it", {
      type: "exceed_context_size_error",
      code: 400,
    }),
  ],
  [
    "Gemini",
    400,
    google(
      400,
      "The input token count (1054016) exceeds the maximum number of tokens allowed (1048576).",
      "INVALID_ARGUMENT",
    ),
  ],
  [
    "Gemini, in a list",
    400,
    [google(400, "The input token count exceeds the maximum number of tokens allowed (1048576).", "INVALID_ARGUMENT")],
  ],
  [
    "vLLM",
    400,
    openAi("The decoder prompt (length 5010) is longer than the maximum model length of 4096.", {
      type: "BadRequestError",
      code: 400,
    }),
  ],
  [
    "vLLM, with the answer",
    400,
    openAi(
      "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4900 in the messages, 100 in the completion). Please reduce the length of the messages or completion.",
      { type: "BadRequestError", code: 400 },
    ),
  ],
  [
    "SGLang",
    400,
    {
      object: "error",
      message: "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
      type: "BadRequestError",
      code: 400,
    },
  ],
  [
    "TGI",
    422,
    {
      error:
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens and 20 `max_new_tokens`",
      error_type: "validation",
    },
  ],
  [
    "TGI, the input alone",
    422,
    {
      error: "Input validation error: `inputs` must have less than 1024 tokens. Given: 1240",
      error_type: "validation",
    },
  ],
  [
    "Mistral",
    400,
    {
      object: "error",
      message: "Prompt contains 40211 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
      type: "invalid_request_error",
      code: null,
    },
  ],
  [
    "Cohere",
    400,
    { message: "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 8934." },
  ],
  ["DashScope", 400, openAi("Range of input length should be [1, 30720]", { code: "invalid_parameter_error" })],
  ["MiniMax", 400, { error: "invalid params, context window exceeds limit (2013)" }],
  ["Moonshot", 400, openAi("Invalid request: Your request exceeded model token limit: 8192 (requested: 9120)")],
  [
    "xAI",
    400,
    {
      code: "Client specified an invalid argument",
      error: "This model's maximum prompt length is 131072 but the request contains 537812 tokens.",
    },
  ],
  ["Fireworks", 400, openAi("The prompt is too long: 140012, model maximum context length: 131071")],
  [
    "Together",
    422,
    openAi(
      "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 8193. Given: 9000 `inputs` tokens and 512 `max_new_tokens`",
    ),
  ],
  ["Ollama", 400, { error: "the input length exceeds the context length" }],
  [
    "LM Studio",
    400,
    {
      error:
        "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens, which is not enough.",
    },
  ],
  [
    "GitHub Copilot",
    400,
    openAi("prompt token count of 170012 exceeds the limit of 128000", { code: "model_max_prompt_tokens_exceeded" }),
  ],
  [
    "GitHub Models",
    413,
    openAi("Request body too large for gpt-4o model. Max size: 8000 tokens.", { code: "tokens_limit_reached" }),
  ],
  ["Zhipu", 400, { error: { code: "1261", message: "Prompt exceeds max length" } }],
  [
    "Cloudflare",
    400,
    {
      errors: [
        {
          code: 5021,
          message:
            "The estimated number of input and maximum output tokens (9012) exceeded this model context window limit (7968).",
        },
      ],
      success: false,
    },
  ],
  [
    "LiteLLM",
    400,
    openAi("litellm.ContextWindowExceededError: litellm.BadRequestError: OpenAIException - too long", {
      type: "None",
      code: "context_window_exceeded",
    }),
  ],
  [
    "OpenRouter, with the words of the server behind it",
    400,
    {
      error: {
        message: "Provider returned error",
        code: 400,
        metadata: {
          raw: '{"error":{"message":"prompt is too long: 210000 tokens > 200000 maximum"}}',
          provider_name: "x",
        },
      },
    },
  ],
  [
    "a local server that says 500",
    500,
    openAi("the request exceeds the available context size. try increasing the context size"),
  ],
];

const spent: readonly Row[] = [
  [
    "OpenAI",
    429,
    openAi("You exceeded your current quota, please check your plan and billing details.", {
      type: "insufficient_quota",
      code: "insufficient_quota",
    }),
  ],
  ["OpenAI, prepaid", 429, openAi("Out of credits", { type: "insufficient_quota", code: "credit_balance_exhausted" })],
  ["OpenAI, a spend limit", 429, openAi("x", { code: "organization_spend_limit_exceeded" })],
  [
    "Anthropic",
    400,
    anthropic(
      "invalid_request_error",
      "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.",
    ),
  ],
  [
    "Anthropic, a limit of its own",
    400,
    anthropic(
      "invalid_request_error",
      "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
    ),
  ],
  ["Anthropic, by type", 403, anthropic("billing_error", "x")],
  ["DeepSeek", 402, openAi("Insufficient Balance", { type: "unknown_error", code: "invalid_request_error" })],
  [
    "Groq",
    400,
    openAi("API access blocked because a spend alert threshold was reached.", { code: "blocked_api_access" }),
  ],
  [
    "DashScope",
    400,
    openAi("Access denied, please make sure your account is in good standing.", {
      type: "Arrearage",
      code: "Arrearage",
    }),
  ],
  [
    "DashScope, the free tier",
    403,
    openAi("The free tier of the model has been exhausted.", { code: "AllocationQuota.FreeTierOnly" }),
  ],
  [
    "OpenRouter",
    402,
    {
      error: {
        message:
          "This request requires more credits, or fewer max_tokens. You requested up to 65536 tokens, but can only afford 14114.",
        code: 402,
      },
    },
  ],
  [
    "OpenRouter, a key's limit",
    403,
    {
      error: {
        message: "Key limit exceeded (total limit). Manage it using https://openrouter.ai/settings/keys",
        code: 403,
      },
    },
  ],
  [
    "Fireworks",
    412,
    openAi(
      "Account acme is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices.",
      { code: "PRECONDITION_FAILED" },
    ),
  ],
  [
    "Moonshot",
    429,
    openAi("Your account is suspended, please check your plan and billing details", {
      type: "exceeded_current_quota_error",
    }),
  ],
  ["Zhipu", 429, { error: { code: "1113", message: "余额不足或无可用资源包,请充值。" } }],
  ["MiniMax, in a 200", 200, { base_resp: { status_code: 1008, status_msg: "insufficient balance" } }],
  ["HF", 402, { error: "You have exceeded your monthly included credits for Inference Providers." }],
  ["HF, another status", 400, { error: "You have exceeded your monthly included credits for Inference Providers." }],
  ["Cohere, a trial key", 429, { message: "You are using a Trial key, which is limited to 1000 API calls / month." }],
  [
    "LiteLLM",
    400,
    openAi("Budget has been exceeded! Current cost: 0.51, Max budget: 0.5", { type: "budget_exceeded", code: "400" }),
  ],
  ["new-api", 403, openAi("user quota is not enough", { type: "new_api_error", code: "insufficient_user_quota" })],
  ["Azure", 403, { error: { code: "403", message: "Out of call volume quota. Quota will be replenished in 2 days." } }],
  [
    "Google, a day's quota",
    429,
    google(429, "You exceeded your current quota, please check your plan and billing details.", "RESOURCE_EXHAUSTED", [
      { violations: [{ quotaId: "GenerateRequestsPerDayPerProjectPerModel-FreeTier" }] },
      { retryDelay: "24s" },
    ]),
  ],
  [
    "Google, no billing",
    403,
    google(
      403,
      "This API method requires billing to be enabled. Please enable billing on project #1.",
      "PERMISSION_DENIED",
    ),
  ],
  [
    "xAI",
    403,
    {
      code: "The caller does not have permission",
      error: "Your team has either used all available credits or reached its monthly spending limit.",
    },
  ],
];

const moderated: readonly Row[] = [
  [
    "Azure",
    400,
    openAi("The response was filtered due to the prompt triggering Azure OpenAI's content management policy.", {
      code: "content_filter",
    }),
  ],
  [
    "Azure, an inner error",
    400,
    { error: { message: "x", code: "BadRequest", innererror: { code: "ResponsibleAIPolicyViolation" } } },
  ],
  [
    "OpenAI",
    400,
    openAi("Invalid prompt: your prompt was flagged as potentially violating our usage policy.", {
      code: "invalid_prompt",
    }),
  ],
  [
    "OpenAI, by a policy",
    400,
    openAi("This content was flagged for possible cybersecurity risk.", { code: "cyber_policy" }),
  ],
  [
    "OpenAI, images",
    400,
    openAi("Your request was rejected as a result of our safety system.", { code: "moderation_blocked" }),
  ],
  ["DeepSeek", 400, openAi("Content Exists Risk", { code: "invalid_request_error" })],
  ["Anthropic", 400, anthropic("invalid_request_error", "Output blocked by content filtering policy")],
  [
    "Volcengine",
    400,
    openAi("The request failed because the input text may contain sensitive information.", {
      code: "SensitiveContentDetected",
    }),
  ],
  [
    "DashScope",
    400,
    openAi("<400> InternalError.Algo.DataInspectionFailed: Input text data may contain inappropriate content.", {
      type: "data_inspection_failed",
      code: "data_inspection_failed",
    }),
  ],
  ["Zhipu", 400, { error: { code: "1301", message: "系统检测到输入或生成内容可能包含不安全或敏感内容" } }],
  [
    "OpenRouter",
    403,
    {
      error: {
        code: 403,
        message: 'anthropic/x requires moderation on OpenRouter. Your input was flagged for "violence".',
        metadata: { reasons: ["violence"] },
      },
    },
  ],
  [
    "MiniMax, in a 200",
    200,
    {
      base_resp: { status_code: 1026, status_msg: "input new_sensitive" },
      error: { message: "The prompt contains sensitive content" },
    },
  ],
];

const busy: readonly Row[] = [
  ["Anthropic", 529, anthropic("overloaded_error", "Overloaded")],
  ["Google", 503, google(503, "The model is overloaded. Please try again later.", "UNAVAILABLE")],
  [
    "Moonshot",
    429,
    openAi("The engine is currently overloaded, please try again later", { type: "engine_overloaded_error" }),
  ],
  ["Groq, flex", 498, openAi("Flex tier capacity exceeded")],
  ["HF", 503, { error: "Model x is currently loading", estimated_time: 20 }],
];

const paced: readonly Row[] = [
  [
    "OpenAI",
    429,
    openAi(
      "Rate limit reached for gpt-4o on tokens per min (TPM): Limit 30000, Used 29000, Requested 1500. Please try again in 1.2s. Visit https://platform.openai.com/account/rate-limits to learn more.",
      { type: "tokens", code: "rate_limit_exceeded" },
    ),
  ],
  [
    "OpenAI, a free account",
    429,
    openAi(
      "Rate limit reached for gpt-4o on requests per min. Limit: 3 / min. Please try again in 20s. You can increase your rate limit by adding a payment method to your account at https://platform.openai.com/account/billing.",
      { type: "requests" },
    ),
  ],
  [
    "Groq",
    429,
    openAi(
      "Rate limit reached for model `x` on tokens per minute (TPM): Limit 6000, Used 5800, Requested 900. Please try again in 7.66s. Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
      { type: "tokens", code: "rate_limit_exceeded" },
    ),
  ],
  [
    "Vertex AI",
    429,
    google(
      429,
      "Quota exceeded for quota metric 'Generate Content API requests per minute' and limit 'Requests per minute per region'.",
      "RESOURCE_EXHAUSTED",
    ),
  ],
  ["Gemini", 429, google(429, "Resource has been exhausted (e.g. check quota).", "RESOURCE_EXHAUSTED")],
  ["Cohere, a trial key", 429, { message: "You are using a Trial key, which is limited to 40 API calls / minute." }],
  [
    "Cerebras",
    429,
    {
      message: "Tokens per minute limit exceeded - too many tokens processed.",
      type: "too_many_tokens_error",
      param: "quota",
      code: "token_quota_exceeded",
    },
  ],
  ["DashScope", 429, openAi("Requests rate limit exceeded, please try again later.", { code: "limit_requests" })],
  ["Zhipu", 429, { error: { code: "1302", message: "您当前使用该API的并发数过高" } }],
  [
    "GitHub's API",
    403,
    { message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again." },
  ],
  ["a 400 by its type", 400, openAi("x", { type: "rate_limit_error" })],
];

const tooLargeForLimit: readonly Row[] = [
  [
    "OpenAI",
    429,
    openAi(
      "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 342389. The input or output tokens must be reduced in order to run successfully.",
      { type: "tokens", code: "rate_limit_exceeded" },
    ),
  ],
  [
    "Groq",
    413,
    openAi(
      "Request too large for model `x` on tokens per minute (TPM): Limit 8000, Requested 34031, please reduce your message size and try again. Need more tokens? Upgrade to Dev Tier today at https://console.groq.com/settings/billing",
      { type: "tokens", code: "rate_limit_exceeded" },
    ),
  ],
];

const locked: readonly Row[] = [
  ["OpenAI", 401, openAi("Incorrect API key provided: sk-x", { code: "invalid_api_key" })],
  [
    "Google",
    400,
    google(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT", [{ reason: "API_KEY_INVALID" }]),
  ],
  ["Google, in a list", 400, [google(400, "API key expired. Please renew the API key.", "INVALID_ARGUMENT")]],
  [
    "a model that is not there",
    404,
    openAi("The model `gpt-9` does not exist or you do not have access to it.", { code: "model_not_found" }),
  ],
  ["Ollama", 404, { error: "model 'x' not found" }],
  [
    "Groq",
    400,
    openAi("The model `x` has been decommissioned and is no longer supported.", { code: "model_decommissioned" }),
  ],
  [
    "Azure, a deployment",
    404,
    { error: { code: "DeploymentNotFound", message: "The API deployment for this resource does not exist." } },
  ],
  ["OpenRouter", 404, { error: { code: 404, message: "No endpoints found for x/y." } }],
  ["a banned account", 403, openAi("Your account was suspended for violating our usage policies")],
  ["a general word under 401", 401, openAi("x", { type: "api_error" })],
];

const wrong: readonly Row[] = [
  [
    "FastAPI",
    422,
    {
      detail: [
        { type: "less_than_equal", loc: ["body", "top_p"], msg: "Input should be less than or equal to 1", input: 3 },
      ],
    },
  ],
  [
    "OpenAI, a limit of the answer",
    400,
    openAi(
      "max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided 100000.",
      { param: "max_tokens", code: "invalid_value" },
    ),
  ],
  [
    "Groq, a limit of the answer",
    400,
    openAi(
      "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is less than the `context_window` for this model",
      { param: "max_tokens" },
    ),
  ],
  [
    "Anthropic, a limit of the answer",
    400,
    anthropic(
      "invalid_request_error",
      "max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for claude-x",
    ),
  ],
  [
    "Gemini, a limit of the answer",
    400,
    google(
      400,
      "Unable to submit request because it has a maxOutputTokens value of 100000 but the supported range is from 1 (inclusive) to 8193 (exclusive).",
      "INVALID_ARGUMENT",
    ),
  ],
  [
    "OpenAI, a parameter",
    400,
    openAi("Unsupported parameter: 'seed' is not supported with this model.", {
      param: "seed",
      code: "unsupported_parameter",
    }),
  ],
  [
    "OpenAI, a form of the answer",
    400,
    openAi("Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.", {
      param: "response_format",
    }),
  ],
  ["DeepSeek, a form of the answer", 400, openAi("This response_format type is unavailable now")],
  [
    "vLLM, a grammar",
    400,
    openAi("The provided JSON schema contains features not supported by xgrammar.", { type: "BadRequestError" }),
  ],
  ["a general word under 400", 400, openAi("x", { type: "server_error" })],
  [
    "words that only sound alike",
    400,
    openAi("messages[1].role must be one of user, assistant; got more than 3 tools"),
  ],
];

const families: readonly (readonly [promise: string, expected: object, rows: readonly Row[]])[] = [
  ["a full context is tried once", { category: "context_length", isRetryable: false, breaker: "neutral" }, overflows],
  ["an empty account is tried once", { category: "quota_exhausted", isRetryable: false, breaker: "neutral" }, spent],
  [
    "a filtered prompt is tried once",
    { category: "content_filter", isRetryable: false, breaker: "neutral" },
    moderated,
  ],
  [
    "a busy server is tried again, and it counts",
    { category: "overloaded", isRetryable: true, breaker: "failure" },
    busy,
  ],
  ["a pace is waited for", { category: "rate_limit", isRetryable: true, breaker: "cooldown" }, paced],
  [
    "a request above a whole limit is tried once",
    { category: "rate_limit", isRetryable: false, breaker: "neutral" },
    tooLargeForLimit,
  ],
  [
    "a key or model that is refused is tried once",
    { category: "authentication", isRetryable: false, breaker: "neutral" },
    locked,
  ],
  ["a wrong request is tried once", { category: "invalid_request", isRetryable: false, breaker: "neutral" }, wrong],
];

describe.each(families)("%s", (_, expected, rows) => {
  test.each(rows)("as %s says it, by %i", (_, status, body) => {
    for (const error of shapes(status, body)) expect(classify(error)).toMatchObject(expected);
  });
});

describe("a status", () => {
  test.each([
    [401, "authentication", false, "neutral"],
    [402, "quota_exhausted", false, "neutral"],
    [403, "authentication", false, "neutral"],
    [425, "server_error", true, "failure"],
    [429, "rate_limit", true, "cooldown"],
    [500, "server_error", true, "failure"],
    [529, "overloaded", true, "failure"],
  ])("%i keeps its meaning against a general word", (status, category, isRetryable, breaker) => {
    for (const type of ["api_error", "invalid_request_error", "server_error", "error"])
      expect(classify(answered(status, { error: { message: "x", type } }))).toMatchObject({
        category,
        isRetryable,
        breaker,
      });
  });

  test("is read from a body or a message where the response has none", () => {
    for (const error of [
      answered(200, { error: { message: "Rate limit exceeded", code: 429 } }),
      { message: "slow", code: 429 },
      { message: "slow", code: "429" },
      new Error("Request failed with status code 429"),
      new Error("HTTP 429"),
      new Error("Error code: 429 - {'error': {}}"),
    ])
      expect(classify(error)).toMatchObject({ category: "rate_limit", isRetryable: true });
    expect(classify(answered(200, { error: { message: "x", code: 502 } }))).toMatchObject({ category: "server_error" });
  });
});

const thrown = (message: string, properties: object = {}, name = "Error") =>
  Object.defineProperty(Object.assign(new Error(message), properties), "name", { value: name });

describe("clients", () => {
  test.each([
    ["node:http2, a connection that closes", thrown("GOAWAY", { code: "ERR_HTTP2_GOAWAY_SESSION" }), "network"],
    ["node:http2, a refused stream", thrown("x", { code: "ERR_HTTP2_STREAM_ERROR" }), "network"],
    ["axios, no answer", thrown("Network Error", { code: "ERR_NETWORK" }, "AxiosError"), "network"],
    ["axios, its own timer", thrown("timeout of 5000ms exceeded", { code: "ECONNABORTED" }, "AxiosError"), "timeout"],
    ["fetch without its cause", new TypeError("fetch failed"), "network"],
    ["fetch of a browser", new TypeError("Failed to fetch"), "network"],
    [
      "the openai package without its cause",
      thrown("Connection error.", { cause: new TypeError("fetch failed") }),
      "network",
    ],
    ["a bare text of a socket", new Error("socket hang up"), "network"],
    [
      "Bun",
      thrown("Unable to connect. Is the computer able to access the url?", { code: "ConnectionRefused" }),
      "network",
    ],
    ["Bun, a closed socket", thrown("The socket connection was closed unexpectedly."), "network"],
    [
      "gRPC 14",
      thrown("14 UNAVAILABLE: Connection dropped", { code: 14, details: "Connection dropped" }),
      "server_error",
    ],
    ["gRPC 8", thrown("8 RESOURCE_EXHAUSTED: x", { code: 8, details: "x" }), "rate_limit"],
    ["gRPC 4", thrown("4 DEADLINE_EXCEEDED: Deadline exceeded", { code: 4, details: "Deadline exceeded" }), "timeout"],
    ["gRPC 13", thrown("13 INTERNAL: x", { code: 13, details: "x" }), "server_error"],
    [
      "AWS, a throttled stream",
      thrown("Too many requests", { $fault: "client", $metadata: {} }, "ThrottlingException"),
      "rate_limit",
    ],
    [
      "AWS, a busy model",
      thrown("x", { $fault: "server", $metadata: { httpStatusCode: 429 } }, "ModelNotReadyException"),
      "overloaded",
    ],
    [
      "AWS, a slow model",
      thrown("x", { $fault: "client", $metadata: { httpStatusCode: 408 } }, "ModelTimeoutException"),
      "timeout",
    ],
    [
      "AWS, an error of the stream",
      thrown("x", { $fault: "client", $metadata: {} }, "ModelStreamErrorException"),
      "server_error",
    ],
    ["a timer in words", new Error("Request timed out."), "timeout"],
    ["AbortSignal.timeout", new DOMException("The operation was aborted due to timeout", "TimeoutError"), "timeout"],
    [
      "a timer that aborts",
      thrown("Request timed out.", { cause: new DOMException("aborted", "AbortError") }),
      "timeout",
    ],
    [
      "ollama-js",
      thrown("model is overloaded", { status_code: 503, error: "model is overloaded" }, "ResponseError"),
      "overloaded",
    ],
    ["a chunk that is no JSON", thrown("JSON parsing failed", { text: "{" }, "AI_JSONParseError"), "server_error"],
    [
      "a chunk of another shape",
      thrown("Type validation failed", { value: { choices: 1 } }, "AI_TypeValidationError"),
      "server_error",
    ],
  ] as const)("%s: tried again", (_, error, category) => {
    expect(classify(error)).toMatchObject({ category, isRetryable: true });
  });

  test.each([
    [
      "AWS, a quota of the account",
      thrown("x", { $fault: "client", $metadata: { httpStatusCode: 400 } }, "ServiceQuotaExceededException"),
      "quota_exhausted",
    ],
    [
      "AWS, too long",
      thrown("Input is too long for requested model.", { $metadata: { httpStatusCode: 400 } }, "ValidationException"),
      "context_length",
    ],
    ["AWS, no access", thrown("x", { $metadata: { httpStatusCode: 403 } }, "AccessDeniedException"), "authentication"],
    ["gRPC 16", thrown("16 UNAUTHENTICATED: x", { code: 16, details: "x" }), "authentication"],
    [
      "a chunk with an error",
      thrown(
        "x",
        { value: { error: { code: 400, message: "This model's maximum context length is 2048 tokens." } } },
        "AI_TypeValidationError",
      ),
      "context_length",
    ],
  ] as const)("%s: tried once", (_, error, category) => {
    expect(classify(error)).toMatchObject({ category, isRetryable: false, breaker: "neutral" });
  });

  test("a certificate is not tried again: the cause says more than fetch", () => {
    const cause = thrown("certificate has expired", { code: "CERT_HAS_EXPIRED" });
    expect(classify(new TypeError("fetch failed", { cause }))).toMatchObject({
      isRetryable: false,
      code: "CERT_HAS_EXPIRED",
    });
  });

  test("words of a program about its own values mean nothing", () => {
    for (const error of [
      new TypeError("Cannot read properties of undefined (reading 'timeout')"),
      new RangeError("The input is too long: 9 tokens > 8"),
      new Error("Invalid timeout value"),
      new Error("500 items were sold, 3 refunds"),
    ])
      expect(classify(error)).toMatchObject({ category: "unknown", isRetryable: false });
  });
});

describe("a pause", () => {
  const nowMs = Date.parse("2026-10-21T07:28:00Z");
  const waits = (headers: Record<string, string>, body: object = {}) =>
    classify(Object.assign(new Error("x"), { status: 429, headers, error: body }), undefined, nowMs).retryAfterMs;

  test.each([
    [{ "retry-after": "1.5" }, 1_500],
    [{ "retry-after": "6m0s" }, 360_000],
    [{ "retry-after": String(nowMs / 1000 + 9) }, 9_000],
    [{ "retry-after": String(nowMs + 9_500) }, 9_500],
    [{ "retry-after": "2026-10-21T07:28:30Z" }, 30_000],
    [{ "retry-after": "Wed, 21 Oct 2026 07:28:07 GMT" }, 7_000],
    [{ "x-ms-retry-after-ms": "1500" }, 1_500],
    [
      {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "120ms",
        "x-ratelimit-remaining-tokens": "9",
        "x-ratelimit-reset-tokens": "6m0s",
      },
      120,
    ],
    [{ "x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "2m59.56s" }, 179_560],
    [{ "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(nowMs / 1000 + 4) }, 4_000],
    [{ "x-ratelimit-reset": String(nowMs + 4_000) }, 4_000],
    [{ "x-rate-limit-reset": "12" }, 12_000],
    [{ "ratelimit-remaining": "0", "ratelimit-reset": "30" }, 30_000],
    [{ ratelimit: '"default";r=0;t=30' }, 30_000],
    [
      {
        "anthropic-ratelimit-input-tokens-remaining": "0",
        "anthropic-ratelimit-input-tokens-reset": "2026-10-21T07:28:30Z",
      },
      30_000,
    ],
    [{ "x-ratelimit-remaining-requests": "7", "x-ratelimit-reset-requests": "1s" }, undefined],
  ])("is read from headers: %j", (headers, expected) => {
    expect(waits(headers as Record<string, string>)).toBe(expected);
  });

  test.each([
    [{ details: [{ retryDelay: "34.5s" }] }, 34_500],
    [{ details: [{ retryDelay: { seconds: 3, nanos: 500_000_000 } }] }, 3_500],
    [{ retry_after: 1.5 }, 1_500],
    [{ metadata: { headers: { "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": String(nowMs + 5_000) } } }, 5_000],
    [{ message: "Please try again in 1.2s." }, 1_200],
    [{ message: "Please try again in 6m0s." }, 360_000],
    [{ message: "Please try again in 1m2.5s." }, 62_500],
    [{ message: "Please wait 42 seconds before retrying." }, 42_000],
    [{ message: "Please retry after 12 seconds." }, 12_000],
    [{ message: "Request was throttled. Expected available in 2 minutes." }, 120_000],
    [{ message: "Limit 10 per 60s exceeded." }, undefined],
  ])("is read from the body: %j", (body, expected) => {
    expect(waits({}, body)).toBe(expected);
  });
});
