/** What a variable is called that holds a secret: `OPENAI_API_KEY`, `GITHUB_TOKEN`. */
const secretName = /(?:API_?KEY|TOKEN|SECRET|PASSWORD)$/i;

/** A shorter value is as likely a word of an answer as a secret. */
const shortestSecret = 16;

let secrets: readonly string[] | undefined;

/**
 * A text without the secrets that this process was given through its environment, for whatever is shown, logged or kept.
 * The environment is read once, by the first call.
 */
export function withoutSecrets(text: string): string {
  secrets ??= secretsOf(process.env);
  let clean = text;
  for (const secret of secrets) if (clean.includes(secret)) clean = clean.replaceAll(secret, "[secret]");
  return clean;
}

function secretsOf(environment: NodeJS.ProcessEnv): readonly string[] {
  return Object.entries(environment)
    .filter(([name, value = ""]) => secretName.test(name) && value.length >= shortestSecret)
    .map(([, value]) => value as string);
}
