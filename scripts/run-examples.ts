/** Runs every example as a user would, without a key, and fails where one does or prints nothing. */
import { execFileSync } from "node:child_process";
import { globSync } from "node:fs";

const keys = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_GENERATIVE_AI_API_KEY", "STEER_MODEL"];
const withoutKeys = Object.fromEntries(Object.entries(process.env).filter(([name]) => !keys.includes(name)));
const examples = globSync("examples/*.ts").toSorted();

for (const example of examples) {
  const printed = execFileSync(process.execPath, [example], { encoding: "utf8", env: withoutKeys, timeout: 60_000 });
  if (printed.trim() === "") throw new Error(`${example} prints nothing`);
}
console.log(`= ${examples.length} examples run`);
