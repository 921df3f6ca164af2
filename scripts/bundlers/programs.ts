import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { type OpenAIServer, startOpenAIServer } from "../../test/support/openai-server.ts";

/** A program of a user, and what its first line has to say. */
export interface UserProgram {
  readonly name: string;
  readonly code: string;
  readonly prints: RegExp;
}

/** The program of README.md, and one that checks its answers by a JSON schema with a pattern and a format. */
export function userPrograms(): readonly UserProgram[] {
  const blocks = [...readFileSync("README.md", "utf8").matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = ""]) => code);
  const readme = blocks.find((code) => code.includes("new ReliableOrchestrator()"));
  if (readme === undefined) throw new Error("README.md has no program that uses a ReliableOrchestrator.");
  const byJsonSchema = readme
    .replace(/^import \{ z \} from "zod";\n/m, "")
    .replace(/schema: z\..*$/m, `schema: ${JSON.stringify(jsonSchema)},`);
  if (byJsonSchema.includes("zod") || !byJsonSchema.includes("pattern"))
    throw new Error("The program of README.md has no line with a zod schema to put a JSON schema in place of.");
  return [
    { name: "README", code: readme, prints: /^\{\s*severity: ["']high["'],\s*component: ["']editor["'],?\s*\}/ },
    { name: "README, by a JSON schema", code: byJsonSchema, prints: /^\{[^}]*reporter: ["']ada@example.com["']/ },
  ];
}

const jsonSchema = {
  type: "object",
  properties: {
    severity: { enum: ["low", "high"] },
    component: { type: "string", pattern: "^[a-z]+$" },
    reporter: { type: "string", format: "email" },
  },
  required: ["severity", "component", "reporter"],
  additionalProperties: false,
};

/** A server on this machine that answers what both programs ask. */
export function startModelServer(): Promise<OpenAIServer> {
  const answer = { severity: "high", component: "editor", reporter: "ada@example.com" };
  return startOpenAIServer({ text: JSON.stringify(answer) });
}

/** The variables by which a program finds the server. */
export function variablesOf({ baseURL }: OpenAIServer): Record<string, string> {
  return { OPENAI_API_KEY: "sk-of-no-account", OPENAI_BASE_URL: baseURL };
}

/** A program as a function: its imports above it, and what it prints as the function's value, or else its `output`. */
export function asFunction(code: string, head: string): string {
  const lines = code.split("\n");
  const isImport = (line: string) => line.startsWith("import ");
  const body = lines
    .filter((line) => !isImport(line))
    .join("\n")
    .replaceAll("console.log(", "printed.push(");
  const imports = lines.filter(isImport).join("\n");
  return `${imports}\n${head} {\nconst printed: unknown[] = [];\n${body}\nreturn printed.length > 0 ? printed : [output];\n}\n`;
}

/** Runs a command to its end. @throws Error with all that it printed, where it fails or takes over five minutes */
export function run(
  program: string,
  parameters: readonly string[],
  { cwd, env = {} }: { readonly cwd: string; readonly env?: Record<string, string> },
): Promise<string> {
  const options = { cwd, env: { ...process.env, NO_COLOR: "1", ...env }, timeout: 300_000, maxBuffer: 100_000_000 };
  return new Promise((resolve, reject) => {
    execFile(program, parameters, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      reject(
        new Error(`${program} ${parameters.join(" ")} failed (${error.code ?? error.signal}):\n${stdout}${stderr}`),
      );
    });
  });
}
