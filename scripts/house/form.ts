import { dirname, join } from "node:path";
import ts from "typescript";
import { forEachNode, pathOf, readSourceProgram, sourceFiles } from "../source-program.ts";

/** Figures of how src/ is parted and worded. */
export interface Form {
  readonly files: number;
  readonly filesWithOneImporter: number;
  readonly privateFunctions: number;
  readonly functionsUsedOnce: number;
  readonly largestFile: number;
  readonly docblocks: number;
  readonly docblocksThatAsk: number;
  readonly pronouns: number;
  readonly typeCircles: number;
}

export function readForm(): Form {
  const files = sourceFiles(readSourceProgram());
  const imports = new Map(files.map((file) => [pathOf(file), importsOf(file)]));
  const importers = [...imports.keys()].map((path) => [...imports.values()].filter((to) => to.has(path)).length);
  const docblocks = files.flatMap(docblocksOf);
  const privateFunctions = files.flatMap(usesOfPrivateFunctions);
  return {
    files: files.length,
    filesWithOneImporter: importers.filter((count) => count === 1).length,
    privateFunctions: privateFunctions.length,
    functionsUsedOnce: privateFunctions.filter((uses) => uses === 1).length,
    largestFile: Math.max(...files.map((file) => file.getLineStarts().length - 1)),
    docblocks: docblocks.length,
    docblocksThatAsk: docblocks.filter((text) => /^(What|Whether|How|Who|Of|By)\b/.test(text)).length,
    pronouns: files.reduce((sum, { text }) => sum + (text.match(/\b(nobody|somebody|whoever)\b/gi)?.length ?? 0), 0),
    typeCircles: countCircles(imports),
  };
}

/** Paths of the files of src/ that a file imports, types included, dynamic imports included. */
function importsOf(file: ts.SourceFile): Set<string> {
  const found = new Set<string>();
  const add = (specifier: ts.Node | undefined) => {
    if (specifier && ts.isStringLiteral(specifier) && specifier.text.startsWith("."))
      found.add(join(dirname(pathOf(file)), specifier.text));
  };
  forEachNode(file, (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node.moduleSpecifier);
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node.arguments[0]);
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal);
  });
  return found;
}

/** The first line of each docblock. */
function docblocksOf(file: ts.SourceFile): string[] {
  return [...file.text.matchAll(/\/\*\*\s*(?:\*\s*)?(\S[^\n]*)/g)].map(([, line = ""]) => line);
}

/** For each function of a file that is not exported: how often its name stands in the file beside its declaration. */
function usesOfPrivateFunctions(file: ts.SourceFile): number[] {
  const uses = new Map<string, number>();
  for (const statement of file.statements) {
    if (!ts.isFunctionDeclaration(statement) || !statement.name) continue;
    if (!statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword))
      uses.set(statement.name.text, -1);
  }
  forEachNode(file, (node) => {
    if (ts.isIdentifier(node) && uses.has(node.text)) uses.set(node.text, (uses.get(node.text) as number) + 1);
  });
  return [...uses.values()];
}

/** Groups of files that reach each other through imports: strongly connected components of more than one file (Tarjan 1972). */
function countCircles(imports: ReadonlyMap<string, ReadonlySet<string>>): number {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  let circles = 0;
  const visit = (path: string): void => {
    order.set(path, order.size);
    lowest.set(path, order.get(path) as number);
    stack.push(path);
    for (const next of imports.get(path) ?? []) {
      if (!imports.has(next)) continue;
      if (!order.has(next)) visit(next);
      if (stack.includes(next)) lowest.set(path, Math.min(lowest.get(path) as number, lowest.get(next) as number));
    }
    if (lowest.get(path) !== order.get(path)) return;
    const group = stack.splice(stack.indexOf(path));
    if (group.length > 1) circles++;
  };
  for (const path of imports.keys()) if (!order.has(path)) visit(path);
  return circles;
}
