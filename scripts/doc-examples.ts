/**
 * Compiles the examples of the docs against the built package: every TypeScript block of the comments in src/, of README.md
 * and of docs/guide/. An example that imports nothing may use the names of the package, of the file in which it stands, and
 * of test/types/example-names.d.ts.
 */
import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import ts from "typescript";
import manifest from "../package.json" with { type: "json" };

interface Example {
  readonly file: string;
  readonly line: number;
  readonly code: string;
}

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2024,
  lib: ["lib.es2024.d.ts", "lib.esnext.disposable.d.ts", "lib.esnext.collection.d.ts"],
  module: ts.ModuleKind.NodeNext,
  types: ["node"],
  strict: true,
  exactOptionalPropertyTypes: true,
  allowImportingTsExtensions: true,
  skipLibCheck: true,
  noEmit: true,
};

const sources = globSync("src/**/*.ts");
const examples = [
  ...sources.flatMap((file) => examplesIn(file, commentsOf(readFileSync(file, "utf8")))),
  ...globSync("{README.md,docs/guide/**/*.md}").flatMap((file) => examplesIn(file, readFileSync(file, "utf8"))),
];
const importable = importableNames();
const modules = new Map(examples.map((example, index) => [resolve(`example-${index}.ts`), example]));
const program = ts.createProgram(
  [...modules.keys(), resolve("test/types/example-names.d.ts")],
  options,
  hostWith(modules),
);

for (const [path, example] of modules) {
  const file = program.getSourceFile(path);
  const faults = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
  for (const { messageText, start } of faults) {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line : 0;
    console.error(`${example.file}:${example.line + line}: ${ts.flattenDiagnosticMessageText(messageText, "\n  ")}`);
    process.exitCode = 1;
  }
}
console.log(`= ${examples.length} examples`);

/** The text of the comments alone, every line where it was. */
function commentsOf(source: string): string {
  return source.replaceAll(/^.*$/gm, (line) => /^\s*\* ?(.*)$/.exec(line)?.[1] ?? "");
}

function examplesIn(file: string, text: string): Example[] {
  return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(({ index, 1: code = "" }) => ({
    file,
    line: text.slice(0, index).split("\n").length + 1,
    code,
  }));
}

/** An example with the imports that it leaves out, all on its first line, so that lines keep their numbers. */
function toModule({ file, code }: Example): string {
  if (/^import /m.test(code)) return code;
  const used = new Set(code.match(/\b[A-Za-z]\w*/g));
  const imports = Object.entries(importable).map(([place, names]) => {
    if (place.startsWith("./") && place !== `./${file}`) return "";
    const wanted = names.filter((name) => used.delete(name) && !declares(code, name));
    return wanted.length > 0 ? `import { ${wanted.join(", ")} } from "${place}"; ` : "";
  });
  return `${imports.join("")}export {}; ${code}`;
}

function declares(code: string, name: string): boolean {
  return new RegExp(`\\b(?:const|let|class|function|interface|type) ${name}\\b`).test(code);
}

/** What can be imported from where: the package's entry points, the root first, then the source files. */
function importableNames(): Record<string, string[]> {
  const entries = Object.entries(manifest.exports).filter(([, path]) => path.endsWith(".js"));
  const paths = new Map(
    entries.map(([entry, path]) => [entry.replace(".", manifest.name), path.replace(/js$/, "d.ts")]),
  );
  for (const source of sources) paths.set(`./${source}`, source);
  const all = ts.createProgram([...paths.values()], options);
  const checker = all.getTypeChecker();
  return Object.fromEntries(
    [...paths].map(([place, path]) => {
      const file = all.getSourceFile(path);
      if (!file) throw new Error(`${path} is missing: run npm run build.`);
      const module = checker.getSymbolAtLocation(file);
      return [place, module ? checker.getExportsOfModule(module).map(({ name }) => name) : []];
    }),
  );
}

/** A compiler host in which the examples are files. */
function hostWith(virtual: ReadonlyMap<string, Example>): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (path) => virtual.has(path) || fileExists(path);
  host.getSourceFile = (path, languageVersion, ...rest) => {
    const example = virtual.get(path);
    return example
      ? ts.createSourceFile(path, toModule(example), languageVersion, true)
      : getSourceFile(path, languageVersion, ...rest);
  };
  return host;
}
