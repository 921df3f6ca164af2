/** What the demo asks where a key for it is in the environment, in this order. */
const modelOfKey: Record<string, string> = {
  OPENAI_API_KEY: "openai:gpt-5-mini",
  ANTHROPIC_API_KEY: "anthropic:claude-haiku-4-5",
  GOOGLE_GENERATIVE_AI_API_KEY: "google:gemini-2.5-flash",
  MISTRAL_API_KEY: "mistral:mistral-small-latest",
  XAI_API_KEY: "xai:grok-4-fast-non-reasoning",
};

/** The model to ask live, and why; `undefined` where nothing in the environment allows one. */
export function findLiveModel(env: NodeJS.ProcessEnv): { readonly model: string; readonly reason: string } | undefined {
  if (env["STEER_MODEL"]) return { model: env["STEER_MODEL"], reason: "STEER_MODEL names it" };
  const key = Object.keys(modelOfKey).find((name) => env[name]);
  return key === undefined ? undefined : { model: modelOfKey[key] as string, reason: `${key} is set` };
}
