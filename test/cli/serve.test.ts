import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { eventsIn } from "../server/serving.ts";
import { steerHere } from "./in-process.ts";
import { type Steer, startSteer } from "./steer.ts";

const cwd = mkdtempSync(join(tmpdir(), "steer-serve-"));
afterAll(() => rmSync(cwd, { recursive: true }));
writeFileSync(
  join(cwd, "echo.yaml"),
  "name: echo\nmodel: simulated:?latencyMs=120\nprompt: '{{text}}'\ndefaultOptions: { k: 6, stopping: none, maxParallel: 1 }\n",
);

writeFileSync(
  join(cwd, "keyless.yaml"),
  "name: keyless\nmodel: mistral:m\napiKeyEnv: KEY_THAT_IS_NOT_SET\nprompt: '{{text}}'\n",
);

for (const [name, limit] of [
  ["slow", 60],
  ["slower", 6],
] as const)
  writeFileSync(
    join(cwd, `${name}.yaml`),
    `name: ${name}\nmodel: simulated:?latencyMs=1\nprompt: '{{text}}'\nlimits: { openai: { requestsPerMinute: ${limit} } }\n`,
  );

async function start(): Promise<Steer & { readonly url: string }> {
  const steer = startSteer(["serve", "echo.yaml", "--port", "0"], { cwd });
  let url = "";
  steer.child.stdout?.on("data", (text) => {
    url ||= /http:\S+(?=:)/.exec(text)?.[0] ?? "";
  });
  await steer.printed("1 tool at ");
  return Object.assign(steer, { url });
}

function post(url: string, key: string, more: Record<string, string> = {}): Promise<Response> {
  const headers = { "content-type": "application/json", "idempotency-key": key, ...more };
  const body = JSON.stringify({ toolName: "echo", request: { text: "hello" } });
  return fetch(`${url}/v1/runs`, { method: "POST", headers, body });
}

describe("steer serve", () => {
  test("keeps runs over a restart; SIGTERM takes no more, and lets what goes on end", async () => {
    const first = await start();
    const { runId } = (await (await post(first.url, "one", { prefer: "respond-async" })).json()) as { runId: string };
    const waited = post(first.url, "two");
    const followed = fetch(`${first.url}/v1/runs/${runId}/events`).then((response) => response.text());
    await expect.poll(async () => ((await (await fetch(`${first.url}/v1/runs`)).json()) as any).runs).toHaveLength(2);
    first.child.kill("SIGTERM");
    expect(await (await waited).json()).toMatchObject({ status: "completed" });
    expect(eventsIn(await followed).at(-1)?.event).toBe("run_completed");
    const { code, stdout } = await first.ended;
    expect(stdout).toContain("Ending");
    expect(code).toBe(0);

    const second = await start();
    const run = (await (await fetch(`${second.url}/v1/runs/${runId}`)).json()) as any;
    expect(run).toMatchObject({ status: "completed", key: "one", toolName: "echo" });
    const events = eventsIn(await (await fetch(`${second.url}/v1/runs/${runId}/events`)).text());
    expect(events.map(({ id }) => id)).toEqual(events.map((_, at) => at));
    const again = (await (await post(second.url, "one")).json()) as any;
    expect(again).toMatchObject({ runId, output: { metadata: { replayed: true } } });
    second.child.kill("SIGINT");
    expect((await second.ended).code).toBe(0);
  });

  test.each([
    ["no tool", ["serve"], "No tool is named"],
    ["an address that others reach, without keys", ["serve", "echo.yaml", "--host", "0.0.0.0"], "Give keys"],
    ["keys that are not there", ["serve", "echo.yaml", "--keys", "none.json"], "none.json cannot be read"],
    ["a key that is short", ["serve", "echo.yaml", "--keys", "short.json"], "16 characters or more"],
    ["a model whose key is missing", ["serve", "keyless.yaml"], 'Tool "keyless": model "mistral:m" has no API key'],
    ["a generic model that leads nowhere", ["serve", "consensus:mistrall:m"], 'Did you mean "mistral:m"?'],
    ["two tools of one name", ["serve", "echo.yaml", "echo.yaml"], "echo"],
    [
      "limits of one model that differ",
      ["serve", "slow.yaml", "slower.yaml"],
      "limits.openai: the files of these tools differ",
    ],
    [
      "an address that is not this machine's",
      ["serve", "echo.yaml", "--host", "127.0.0.1", "--port", "1"],
      "Choose another --port",
    ],
  ])("refuses %s", async (_, parameters, message) => {
    writeFileSync(join(cwd, "short.json"), '[{ "name": "web", "key": "short" }]');
    if (process.getuid?.() === 0 && parameters.includes("1")) return;
    const { code, stderr } = await steerHere(parameters, { cwd }).catch((error) => ({
      code: 2,
      stderr: String(error),
    }));
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});
