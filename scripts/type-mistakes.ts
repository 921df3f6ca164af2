/**
 * Holds what compilers and editors say against what they said before: the messages for typical mistakes, in
 * test/types/mistakes/typescript-*.txt, and hovers and completions, in test/types/editor/shown.txt. `npm run type-mistakes`
 * rewrites these files, so that a change of the types shows how it speaks to a user.
 */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import typescript from "typescript";

const mistakes = "test/types/mistakes";
const editor = "test/types/editor";

const said: Record<string, () => string> = {
  [`${mistakes}/typescript-6.txt`]: () => messagesOf("typescript"),
  [`${mistakes}/typescript-7.txt`]: () => messagesOf("typescript-native"),
  [`${editor}/shown.txt`]: shownByEditor,
};

let isAsKept = true;
for (const [path, say] of Object.entries(said)) {
  const text = say();
  if (!process.argv.includes("--check")) writeFileSync(path, text);
  else if (text !== readFileSync(path, "utf8")) {
    isAsKept = false;
    console.log(`${path} is not what is said now. Run npm run type-mistakes and review the change.\n${text}`);
  }
}
process.exitCode = isAsKept ? 0 : 1;

/** Errors of a compiler, each under the line that it stands at. */
function messagesOf(compiler: string): string {
  const outputs = [mistakes, `${mistakes}/node16`].map((project) => {
    const tsc = [`node_modules/${compiler}/bin/tsc`, "--project", project, "--pretty", "false"];
    return spawnSync(process.execPath, tsc, { encoding: "utf8" }).stdout;
  });
  return outputs.join("").replaceAll(`${mistakes}/`, "").replaceAll(/\r/g, "");
}

/** Hovers and completions at the marks of the program, as the language service of TypeScript 6 gives them. */
function shownByEditor(): string {
  const path = resolve(editor, "program.ts");
  const source = readFileSync(path, "utf8");
  const { options } = typescript.parseJsonConfigFileContent(
    typescript.readConfigFile("test/contract/tsconfig.json", typescript.sys.readFile).config,
    typescript.sys,
    resolve("test/contract"),
  );
  const { readFile, fileExists, directoryExists, getDirectories, realpath } = typescript.sys;
  const service = typescript.createLanguageService({
    getCompilationSettings: () => options,
    getScriptFileNames: () => [path],
    getScriptVersion: () => "1",
    getScriptSnapshot: (name) => {
      const text = readFile(name);
      return text === undefined ? undefined : typescript.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => resolve("."),
    getDefaultLibFileName: typescript.getDefaultLibFilePath,
    readFile,
    fileExists,
    directoryExists,
    getDirectories,
    ...(realpath && { realpath }),
  });
  const shown = marksIn(source).map(({ kind, at }) => {
    const text = kind === "?" ? hoverAt(service, path, at) : completionsAt(service, path, at);
    if (/valibot|BaseSchema|GenericSchema|OptionalSchema/.test(text))
      throw new Error(`An editor shows how options are declared:\n${text}`);
    const { line, column } = placeOf(source, at);
    return `${line}:${column} ${kind === "?" ? "hover" : "completions"}\n${text.replaceAll(/^/gm, "  ")}\n`;
  });
  return shown.join("\n");
}

/** Marks under the lines of a program: the sign, and the place in the line above that it points at. */
function marksIn(source: string): { readonly kind: string; readonly at: number }[] {
  const lines = source.split("\n");
  const startOf = (line: number) => lines.slice(0, line).reduce((sum, { length }) => sum + length + 1, 0);
  return lines.flatMap((line, index) => {
    const [, before, kind] = /^(\s*\/\/\s*)\^([?|])$/.exec(line) ?? [];
    return before === undefined || kind === undefined ? [] : [{ kind, at: startOf(index - 1) + before.length }];
  });
}

function placeOf(source: string, at: number): { readonly line: number; readonly column: number } {
  const before = source.slice(0, at).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

function hoverAt(service: typescript.LanguageService, path: string, at: number): string {
  const hover = service.getQuickInfoAtPosition(path, at, 2_000);
  return typescript.displayPartsToString(hover?.displayParts) || "nothing";
}

/** Texts that are offered, without the snippets that an editor adds. */
function completionsAt(service: typescript.LanguageService, path: string, at: number): string {
  const { entries = [] } = service.getCompletionsAtPosition(path, at, {}) ?? {};
  return entries.map(({ name }) => name).join("\n") || "nothing";
}
