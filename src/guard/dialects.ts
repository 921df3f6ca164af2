import type { ErrorCategory } from "../contract/error-category.ts";

/**
 * Dialects of model servers: codes and words by which they say what went wrong. Rules name structures ("credits … used
 * up"), so that a vendor's next wording is read as its last one; `from` names servers that were seen to say it, by their
 * documentation or in public reports.
 *
 * The order decides: a rule that stands first is the narrower one.
 */
interface Dialect {
  readonly category: ErrorCategory;
  readonly says: RegExp;
  readonly from: string;
}

/** Codes and types in the body of a response, written as `snake_case`. They are narrower than a status. */
const codeDialects: readonly Dialect[] = [
  {
    category: "quota_exhausted",
    says: /insufficient_(\w+_)?(quota|balance|credits?|funds?)|(balance|credits?|funds?)_(is_)?(not_enough|insufficient|exhausted|depleted|too_low)|(credits?|balance|budget|spend|spending|billing|usage)_?\w*_(limit|cap|exceeded|exhausted|expired)|pack(age)?_(is_)?(exhausted|used_up)/,
    from: "OpenAI, Azure, DeepSeek, Together, LiteLLM (budget_exceeded), new-api (insufficient_user_quota), Tencent (resource_pack_exhausted)",
  },
  {
    category: "quota_exhausted",
    says: /^billing|payment_required|arrear|exceeded_current_quota|quota_exhausted|free_tier_only|service_quota_exceeded|per_day_per_project/,
    from: "OpenAI, Anthropic, DashScope, Moonshot, Bedrock, Google (quotaId of a day)",
  },
  {
    category: "content_filter",
    says: /content_?(filter|policy|moderation|blocked|risk)|policy_violation|^(usage|safety|cyber|bio|content|acceptable_use)\w*_policy|moderation|sensitive|inspection_failed|responsible_ai|prohibited_content|guardrail|^invalid_prompt$|safety_(block|check|filter|violation)|^unsafe/,
    from: "OpenAI, Azure, Volcengine, DashScope (data_inspection_failed), OpenRouter, Bedrock, Baidu (unsafe_request)",
  },
  {
    category: "context_length",
    says: /context_?(length|window|size|limit)|(prompt|input|request|message)s?_(is_)?too_(long|large)|tokens_limit_reached|max_(prompt|input|context)_\w*(exceeded|length)/,
    from: "OpenAI, Azure, Anthropic (request_too_large), llama.cpp, GitHub Models, LiteLLM",
  },
  {
    category: "overloaded",
    says: /overloaded|over_?capacity|(server|engine|model)_(is_)?busy|model_not_ready|model_loading/,
    from: "Anthropic, Moonshot (engine_overloaded_error), Groq, Bedrock (ModelNotReadyException)",
  },
  {
    category: "rate_limit",
    says: /rate_?limit|too_many_requests|throttl|request_limit_exceeded|limit_(requests|burst_rate)|slow_down/,
    from: "OpenAI, Anthropic, AWS, Azure, DashScope",
  },
  {
    category: "authentication",
    says: /^authentication|unauthenticated|unauthori[sz]ed|^permission|invalid_\w*(api_key|token|credential)|api_?key_\w*(invalid|expired|disabled|not_found)|(token|key)_expired|expired_token|access_denied|unrecognized_client|(model|deployment)_not_(found|exist|available|supported)|not_found_error|account_deactivated/,
    from: "OpenAI, Anthropic, Google, AWS, Groq, DashScope",
  },
];

/** Codes that servers also put beside failures of other kinds: they count where no status says more. */
const generalCodeDialects: readonly Dialect[] = [
  { category: "rate_limit", says: /resource_exhausted/, from: "Google, gRPC" },
  { category: "timeout", says: /time_?out|timed_out|deadline_exceeded/, from: "gRPC, Anthropic, LiteLLM" },
  {
    category: "server_error",
    says: /^(api|server|system|upstream|provider|service|internal|internal_server)_(error|exception|failure)|internal_(server_)?(error|exception)|^internal$|unavailable|bad_gateway|^aborted$|data_loss|model_(stream_)?error/,
    from: "OpenAI, Anthropic, vLLM, AWS, gRPC",
  },
  {
    category: "invalid_request",
    says: /invalid_(request|argument|parameter|value|input|params)|bad_request|validation_(error|exception)|unsupported_(parameter|value)|unprocessable|out_of_range|unimplemented/,
    from: "OpenAI, Anthropic, Google, AWS, gRPC",
  },
];

const perTime = String.raw`(per[ -]|/ ?)(second|sec|minute|min|hour|day)\b`;

/** Words of a pace, not of an account: a wait mends it, however much the sentence speaks of money. */
const pace = new RegExp(
  String.raw`rate[ -_]?limit|too many requests|throttl|slow down|too (frequent|fast)|concurren\w+ (request|connection|call|limit)|(requests?|tokens?|calls?|queries|quota)\b[^.]{0,60}(${perTime})|\b([rt]p[md]|qp[sm])\b|频率|速率|限流|并发|每(秒|分钟|小时)|レート制限|リクエストが多|[秒分]間|[秒分]あたり|속도 제한|요청이 너무 많|[초분]당|ratenlimit|ratenbegrenz|zu viele anfragen|pro (sekunde|minute|stunde)|trop de requêtes|par (seconde|minute)|demasiadas (solicitudes|peticiones)|por (segundo|minuto)`,
  "i",
);

/** Words of a share that a month renews: no wait of a run mends it, though the sentence may go on about rates. */
const ofMonth = /\b(limited to|limit of)\b[^.]{0,40}(\/ ?| per (calendar )?)month\b/i;

/** Words that servers say under a status for "your request is wrong", or without any. */
const wordDialects: readonly Dialect[] = [
  {
    category: "quota_exhausted",
    says: /\b(insufficient|(doesn't|does not|don't|do not) have any|not (have )?enough|no (remaining )?|negative|out of|run out of|ran out of|lack of|requires? more|used (up )?all|exhausted|depleted|used up|spent)\b[^.]{0,40}\b(credits?|balance|funds?|quota|allocation|allowance)\b/i,
    from: "DeepSeek, OpenRouter, HF, xAI, Cloudflare, Azure (out of call volume quota)",
  },
  {
    category: "quota_exhausted",
    says: /\b(credits?|balance|funds|free tier|trial( period)?|quota|allowance|billing|(coding |paid )?plan( package)?|subscription|(resource|token) pack(age)?)\b[^.]{0,80}\b(exhausted|depleted|insufficient|not sufficient|too low|not enough|used up|expired|ended|run out|negative|overdue|consumed|spent)\b/i,
    from: "Anthropic, DashScope, Together, z.ai (an expired plan)",
  },
  {
    category: "quota_exhausted",
    says: /\b(spend(ing)?|usage|billing|budget|monthly|weekly|credit|key|prepaid|free|plan)( \w+)? (limits?|caps?|thresholds?|quotas?|credits?|allowance)\b[^.]{0,60}(reach|exceed|exhaust|hit\b)|\b(reach|exceed|exhaust|hit\b)\w*[^.]{0,60}\b(spend(ing)?|usage|billing|budget|monthly|weekly|credit|prepaid|included)( \w+)? (limits?|caps?|thresholds?|quotas?|credits?|allowance)\b|\b(daily|total) request limit (is |was |has been )?(reached|exceeded)|(over|exceeded) ?budget|budget has been exceeded/i,
    from: "Anthropic, Groq, OpenRouter, Fireworks, HF, LiteLLM, Baidu",
  },
  {
    category: "quota_exhausted",
    says: /exceed(s|ed)? your (current )?quota|service quota|\b(no|without an?) (active |valid )?(billing|payment)\b|\b(arrears?|arrearage|overdue|past[- ]due|unpaid|good standing|payment required|can only afford|purchase (more )?credits|add (more )?credits|enable billing|billing to be enabled|billing details|payment (method )?(is )?required|upgrade your (plan|account|subscription)|top[- ]?up|recharge|balance is (0|zero))\b|余额不足|欠费|充值|(额度|资源包|配额).{0,4}(不足|用尽|用完|耗尽)|账户.{0,6}(异常|冻结)/i,
    from: "OpenAI, DashScope, Google, Bedrock, Zhipu, Baidu, ElevenLabs, Nebius",
  },
  {
    category: "quota_exhausted",
    says: /(クレジット|残高|利用枠|利用上限|予算).{0,12}(不足|なくな|使い切|超過|に達し|ありません)|チャージして|(크레딧|잔액|예산|월 ?(사용 )?한도).{0,12}(부족|소진|초과)|\b(guthaben|kontingent|budget|ausgabenlimit)\b.{0,40}(aufgebraucht|erschöpft|reicht nicht|nicht aus|zu niedrig|überschritten)|(kein|nicht genügend) guthaben|\b(solde|crédits?|quota|budget)\b.{0,40}(insuffisant|épuisé|dépassé)|\b(saldo|créditos?|cuota|presupuesto)\b.{0,40}(insuficiente|agotad|excedid)/i,
    from: "gateways that answer in their users' language",
  },
  {
    category: "authentication",
    says: /\b(account|organi[sz]ation|user|project|workspace|api key)\b[^.]{0,40}\b(suspended|banned|disabled|deactivated|terminated|restricted)\b/i,
    from: "OpenAI, Anthropic, Groq",
  },
  {
    category: "content_filter",
    says: /\bguardrails?\b|\bviolat\w+\b[^.]{0,60}\b(polic\w+|guidelines?|safety|moderation)\b|\b(input|content|prompt) violat\w+|(for|due to|because of) (safety|moderation|policy)\b|considered (as )?(\w+ )?risk|\b(content|usage|safety|acceptable use|responsible ai|community)( \w+){0,2} (polic(y|ies)|guidelines?|filter(s|ing|ed)?|moderation|system)\b|\bcontent exists risk\b|\bwas flagged\b|flagged (as|for|by)|\b(inappropriate|sensitive|harmful|unsafe|prohibited|disallowed) (content|information|words?|material|input|text|topics?)|content[ -]safety|moderation (system|filter|check|endpoint|guidelines)|requires moderation|\b(prompt|input|output|request|content|text|response|answer)s?\b[^.]{0,30}\b(blocked|rejected|filtered|refused)\b[^.]{0,40}\b(safety (model|check|filter|system)|moderation|moderators?|guard\w*|rails?|hate|abuse)\b|\b(hate|abuse|profanity)\b[^.]{0,40}\b(rejected|blocked|detected)\b|\bpattern is blocked\b|\b(prompt|content|output|response|answer)s? (was|were|is|has been|have been)? ?(blocked|filtered|rejected) (by|due|because|for)[^.]{0,60}(safety|security|content|polic|filter|moderation|guard)|\b(input|output)[ _]\w*sensitive\b|\b(prompt|content|input|output)\b[^.]{0,30}\b(is|are|was|were) unsafe\b|敏感|违规|内容安全|不合规/i,
    from: "Kong, NeMo Guardrails, Together, watsonx, Azure, OpenAI, DeepSeek, Volcengine, DashScope, OpenRouter, Google, Zhipu, MiniMax, Baidu, Cloudflare",
  },
  {
    category: "content_filter",
    says: /(ポリシー|ガイドライン).{0,12}違反|不適切な|有害な|(정책|가이드라인).{0,10}위반|부적절한|유해한|(verstö|verletz)\w*.{0,40}(richtlinie|nutzungsbedingung)|richtlinien?\b.{0,40}(verstö|verletz)|unangemessene\w* inhalt|inhaltsfilter|(viole|enfreint|infringe|viola)\b.{0,40}(politique|polític|règles|normas)|contenu inapproprié|contenido inapropiado/i,
    from: "gateways that answer in their users' language",
  },
  {
    category: "authentication",
    says: /\b(\w*api[ _-]?key|access token|auth token|credentials?|bearer token|authorization)\b[^.]{0,60}\b(not valid|invalid|incorrect|expired|missing|revoked|disabled|required|unknown|wrong|not found)\b|\b(invalid|incorrect|expired|missing|wrong|unknown|no)\b[^.]{0,20}\b(api[ _-]?key|access token|credentials?|bearer token)\b|could not load[^.]{0,40}\bcredentials\b|unauthori[sz]ed|\bnot authenticated\b|\btoken (is|has) expired\b|\blogin fail|(密钥|api ?key|令牌|鉴权|认证).{0,10}(无效|错误|失败|过期)|未授权/i,
    from: "OpenAI, Google, Groq, Mistral",
  },
  {
    category: "authentication",
    says: /\bmodels?\b[^.\n]{0,80}\b(not found|(does|do) not exist|doesn't exist|(is not|isn't) supported|not supported for|not available|has been (deprecated|decommissioned|removed)|is not a valid|no access|not been (submitted|enabled|granted|approved))|\bmodel (identifier|id|name)\b[^.\n]{0,40}\b(invalid|unknown)\b|\b(unknown|invalid|no such|not a valid) model\b|\bnot a chat model\b|\boperation\b[^.\n]{0,40}\bnot work with\b[^.\n]{0,20}\bmodel\b|(not have|no) access to (the )?model|no endpoints found|模型不存在/i,
    from: "OpenAI, Azure, Google, Groq, Ollama, OpenRouter, Bedrock",
  },
  {
    category: "authentication",
    says: /\b((user|your) location|country|region|territory)\b[^.\n]{0,40}\bnot (supported|available|allowed)\b|\bnot (supported|available|allowed) in (your|this) (location|country|region|territory)\b/i,
    from: "Google, OpenAI, OpenRouter",
  },
  {
    category: "overloaded",
    says: /\boverloaded\b|(over|at|exceed\w*) (its )?capacity|capacity (was |is |has been )?(exceeded|reached)|(high|heavy) (demand|load|traffic)|(server|service|engine|model)s? (is |are )?(currently |temporarily )?(too )?busy|(model|server)[^.]{0,30}(is |still )(currently )?(loading|starting|warming up)|(系统|服务|模型).{0,6}(繁忙|过载)|混雑|過負荷|überlastet/i,
    from: "Google, Groq, HF, Together, Moonshot",
  },
  {
    category: "server_error",
    says: /\bmaintenance\b|temporarily (unavailable|out of service)|service (is )?unavailable/i,
    from: "any",
  },
];

/** A text counted in tokens or characters that is longer than something allows. */
const contextWords = new RegExp(
  [
    // "maximum context length", "context window exceeds limit", "larger than the context size"
    String.raw`\bcontext[ _-]?(length|window|size|limit)\b`,
    String.raw`\bmodel (token|context) limit|\bmodel length\b|max_(model|seq)_len|\bn_ctx\b`,
    // "maximum prompt length is 131072", "max input tokens: 8192"
    String.raw`\bmax(imum)?( of)? [\d,]+ (input|prompt|context) tokens|max_tokens must be at least 1, got -|\bmax(imum)?[ _-]?(prompt|input|request|context)[ _-]?(length|size|tokens?|characters?)`,
    // "prompt is too long", "Request body too large", "input length exceeds", "prompt token count of 9 exceeds the limit"
    String.raw`\b(prompt|input|inputs|request|message|messages|conversation|context|body|payload|text)s?\b[^.\n]{0,60}\b(too (long|large|big)|exceed(s|ed)?\b[^.\n]{0,60}\b(length|limit|maximum|max|tokens?|size|allowed)|(longer|larger) than|(greater|more) than[^.\n]{0,60}\b(tokens?|characters?|length|limit))`,
    // "too many tokens", "tokens exceed", "210000 tokens > 200000"
    String.raw`\btoo many (input |prompt |total )?tokens\b|\btokens?( count)?\b[^.\n]{0,40}(exceed(s|ed)?|>|cannot be more than|(longer|larger|greater|more) than)[^.\n]{0,60}\d|exceed\w*[^.\n]{0,30}token limit`,
    "reduce the length of",
    // "Range of input length should be [1, 30720]", "inputs must have less than 8193 tokens", "`inputs` tokens + … must be <= 4096"
    String.raw`\b(input|prompt|inputs)[\x60'"]?\s+(length|tokens?|characters?)\b[^.\n]{0,60}(should be|must|cannot|at most|less than|<=?)|\binputs?\b[^.\n]{0,20}must (have|be)[^.\n]{0,20}less than[^.\n]{0,20}tokens|expected maxlength`,
    // "Invalid 'messages[0].content': string too long", where other fields are the request's shape.
    String.raw`'(messages|input|prompt|instructions)(\[\d+\])*([.·](content|text|input|parts)(\[\d+\])*)*': string too long`,
    // "max length of current question", "Requested 9 tokens, but the maximum is 8", "token count is 9 but model only supports up to 8"
    String.raw`\bmax(imum)? length of (the )?(current )?(question|prompt|input|message)|\brequested [\d,]+ tokens\b[^.\n]{0,20}\bmaximum\b|\btokens?( count)?\b[^.\n]{0,40}\bonly supports up to|\bmax tokens of [\d,]+ exceeded`,
    String.raw`\btrying to keep the first \d+ tokens\b`,
    // The same in the languages of some servers' users.
    "(输入|上下文|提示词|长度|字数|tokens? ?(总数|数量|数)|prompt).{0,20}(超过|超出|过长|太长|太多|超长|超限)",
    "(入力|プロンプト|コンテキスト|トークン).{0,30}(長すぎ|多すぎ|超え|超過)",
    "(입력|프롬프트|컨텍스트|토큰).{0,30}(초과|너무 (길|많))",
    String.raw`\b(eingabe|prompt|kontext\w*)\b.{0,60}(zu lang|zu groß|überschr)`,
    String.raw`\b(prompt|entrée|contexte)\b.{0,60}(trop long|dépass)|\b(prompt|entrada|contexto)\b.{0,60}(demasiado larg|excede|supera)`,
  ].join("|"),
  "i",
);

/** The limit of the answer, which is the caller's to lower: "max_tokens is too large", "output tokens". */
const outputLimit =
  /\bmax[_ ]?(completion|output|new)?[_ ]?tokens\b(?! of [\d,]+ exceeded)|\b(output|completion) tokens\b/i;
const inputWords = /\b(prompt|inputs?|messages?|conversation|context (length|limit)|decoder)\b/i;

/** Words of a field of the wrong type, which has no length. */
const shapeWords =
  /must be (of type|an? (integer|number|string|array|object|boolean))\b|\bis not an? (integer|number|string)\b/i;

/** Words that belong to the request's shape, not to the length of its text: "invalid 'messages[3].name': too long". */
function isContextOverflow(text: string): boolean {
  if (!contextWords.test(text) || shapeWords.test(text)) return false;
  // What is left for the answer once the prompt has filled the context.
  if (/got -\d/.test(text)) return true;
  return !outputLimit.test(text) || inputWords.test(text);
}

/** "Limit 30000, Requested 342389": more than a limit grants in all, so no wait makes it fit. */
const limitAndRequested = /\blimit:? ?([\d,]+)[\s\S]{0,80}?\brequested:? ?([\d,]+)/i;

/** Returns whether one request asks for more than the whole of a rate limit. */
export function neverFits(text: string): boolean {
  const found = limitAndRequested.exec(text);
  if (found) return count(found[2]) > count(found[1]);
  return pace.test(text) && /\b(request|message|prompt|input)s?\b[^.\n]{0,40}too (large|long|big)\b/i.test(text);
}

function count(digits = ""): number {
  return Number(digits.replaceAll(",", ""));
}

/** Returns the narrow category that one of these codes states, whatever the status. */
export function categoryOfCodes(codes: readonly string[]): ErrorCategory | undefined {
  return match(codeDialects, codes);
}

/** Returns the category of codes that count only where no status says more. */
export function categoryOfGeneralCodes(codes: readonly string[]): ErrorCategory | undefined {
  return match(generalCodeDialects, codes);
}

/** Returns the category that a server's words state. */
export function categoryOfWords(text: string): ErrorCategory | undefined {
  if (ofMonth.test(text)) return "quota_exhausted";
  if (pace.test(text)) return "rate_limit";
  const said = wordDialects.find(({ says }) => says.test(text))?.category;
  const isNarrow = said !== undefined && said !== "server_error" && said !== "overloaded";
  if (!isNarrow && isContextOverflow(text)) return "context_length";
  return said ?? match(codeDialects, exceptionsIn(text));
}

/** Names of exceptions that a gateway puts before the words of the server behind it: `litellm.ContextWindowExceededError: …`. */
function exceptionsIn(text: string): string[] {
  return Array.from(text.matchAll(/\b([A-Z][A-Za-z]{3,60}(?:Error|Exception))(?=:)/g), ([, name = ""]) => name);
}

function match(dialects: readonly Dialect[], codes: readonly string[]): ErrorCategory | undefined {
  const written = codes.map(snakeCase);
  return dialects.find(({ says }) => written.some((code) => says.test(code)))?.category;
}

/** Returns `InternalError.Algo.DataInspectionFailed` as `internal_error.algo.data_inspection_failed`. */
function snakeCase(code: string): string {
  return code
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[\s-]+/g, "_")
    .toLowerCase();
}
