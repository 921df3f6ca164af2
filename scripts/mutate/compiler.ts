import { resolve } from "node:path";
import ts from "typescript";
import { readSourceProgram } from "../source-program.ts";

/** Returns a function that tells whether the compiler accepts another text of a module. */
export function createCompiler(): (path: string, text: string) => boolean {
  const program = readSourceProgram();
  const host = ts.createCompilerHost(program.getCompilerOptions());
  return (path, text) => {
    const changed = ts.createSourceFile(resolve(path), text, { languageVersion: ts.ScriptTarget.Latest });
    const getSourceFile: ts.CompilerHost["getSourceFile"] = (name, options, ...others) =>
      resolve(name) === changed.fileName
        ? changed
        : (program.getSourceFile(name) ?? host.getSourceFile(name, options, ...others));
    const options = program.getCompilerOptions();
    const next = ts.createProgram({
      rootNames: [resolve(path)],
      options,
      host: { ...host, getSourceFile },
      oldProgram: program,
    });
    return next.getSemanticDiagnostics(next.getSourceFile(changed.fileName)).length === 0;
  };
}
