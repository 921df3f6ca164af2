import { expect, test, vi } from "vitest";

/** As a process with this environment has it. */
async function withoutSecretsOf(environment: Readonly<Record<string, string>>) {
  vi.resetModules();
  vi.unstubAllEnvs();
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  return (await import("../../src/core/errors.ts")).withoutSecrets;
}

// Not secrets: what they look like.
const value = "0123456789abcdef0123";

test.each(["OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "CLIENT_SECRET", "DB_PASSWORD", "xai_apikey"])(
  "the value of %s is hidden",
  async (name) => {
    const withoutSecrets = await withoutSecretsOf({ [name]: value });
    expect(withoutSecrets(`It said ${value}, twice: ${value}.`)).toBe("It said [secret], twice: [secret].");
  },
);

test("a password in an address is hidden, as it is written there and decoded", async () => {
  const withoutSecrets = await withoutSecretsOf({
    DATABASE_URL: "postgres://steer:long%2Fpass-word-1234@db:5432/runs",
  });
  expect(withoutSecrets("failed for postgres://steer:long%2Fpass-word-1234@db")).toBe(
    "failed for postgres://steer:[secret]@db",
  );
  expect(withoutSecrets("password long/pass-word-1234 refused")).toBe("password [secret] refused");
});

test("a key is hidden where an address has it as its parameter", async () => {
  const withoutSecrets = await withoutSecretsOf({
    GATEWAY_API_KEY: "tok/with+sym=bols-0123456789==",
    HALF_TOKEN: `${value}\ud800`,
  });
  expect(withoutSecrets("GET /v1?key=tok%2Fwith%2Bsym%3Dbols-0123456789%3D%3D: 401")).toBe("GET /v1?key=[secret]: 401");
});

test("a secret is found inside JSON, and one inside another does not spoil it", async () => {
  const quoted = `quote"and\\slash-${value}`;
  const withoutSecrets = await withoutSecretsOf({ A_TOKEN: value, B_PASSWORD: quoted });
  expect(withoutSecrets(JSON.stringify({ said: quoted }))).toBe('{"said":"[secret]"}');
  expect(withoutSecrets(quoted)).toBe("[secret]");
});

test("a short value, or one of another name, stays: it may be a word of an answer", async () => {
  const withoutSecrets = await withoutSecretsOf({
    PG_PASSWORD: "short",
    MONKEY: value,
    URL_OF_DOCS: "https://docs.example/a:b@c",
  });
  expect(withoutSecrets(`short ${value} https://docs.example/a:b@c`)).toBe(`short ${value} https://docs.example/a:b@c`);
});
