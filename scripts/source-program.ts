import { relative } from "node:path";
import ts from "typescript";

/** Everything of tsconfig.json, as the compiler's API sees it. */
export function readSourceProgram(): ts.Program {
  const { config, error } = ts.readConfigFile("tsconfig.json", ts.sys.readFile);
  if (error) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, "\n"));
  const { options, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, ".");
  return ts.createProgram(fileNames, options);
}

/** The files of src/ in a program. */
export function sourceFiles(program: ts.Program): ts.SourceFile[] {
  return program.getSourceFiles().filter((file) => pathOf(file).startsWith("src/"));
}

/** What the package's entry points export, each once. */
export function publicSymbols(program: ts.Program): ts.Symbol[] {
  const checker = program.getTypeChecker();
  const entries = sourceFiles(program).filter((file) => /^src\/(stores\/)?[^/]+[.]ts$/.test(pathOf(file)));
  const exported = entries.flatMap((file) => {
    const module = checker.getSymbolAtLocation(file);
    return module ? checker.getExportsOfModule(module) : [];
  });
  const isAlias = (symbol: ts.Symbol) => (symbol.flags & ts.SymbolFlags.Alias) !== 0;
  return [...new Set(exported.map((symbol) => (isAlias(symbol) ? checker.getAliasedSymbol(symbol) : symbol)))];
}

/** A file's path from the repository's root. */
export function pathOf(file: ts.SourceFile): string {
  return relative(".", file.fileName).replaceAll("\\", "/");
}

/** `src/core/clock.ts:12`, where a node stands. */
export function placeOf(node: ts.Node): string {
  const file = node.getSourceFile();
  return `${pathOf(file)}:${file.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}

/** Calls `visit` with every node of a file, outermost first. */
export function forEachNode(file: ts.SourceFile, visit: (node: ts.Node) => void): void {
  const descend = (node: ts.Node): void => {
    visit(node);
    ts.forEachChild(node, descend);
  };
  descend(file);
}

/** The comment above a declaration, without its tags. */
export function documentationOf(symbol: ts.Symbol, checker: ts.TypeChecker): string {
  return ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim();
}
