/** What a variable is called that holds a secret: `OPENAI_API_KEY`, `AWS_SECRET_ACCESS_KEY`, `GITHUB_TOKEN`. */
const secretName = /(?:API_?KEY|_KEY|TOKEN|SECRET|PASSWORD)$/i;

/** The password in an address: `postgres://steer:password@db.internal/steer`. */
const passwordInAddress = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@:]*:([^/?#@]+)@/i;

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

/** The longest first, in case one is a part of another. */
function secretsOf(environment: NodeJS.ProcessEnv): readonly string[] {
  return Object.entries(environment)
    .flatMap(([name, value = ""]) => (secretName.test(name) ? [value] : [passwordInAddress.exec(value)?.[1] ?? ""]))
    .filter((secret) => secret.length >= shortestSecret)
    .flatMap(asWritten)
    .sort((a, b) => b.length - a.length);
}

/** A secret as it is, as a part of JSON, and decoded from an address. */
function asWritten(secret: string): string[] {
  return [...new Set([secret, JSON.stringify(secret).slice(1, -1), decoded(secret)])];
}

function decoded(secret: string): string {
  try {
    return decodeURIComponent(secret);
  } catch {
    return secret;
  }
}
