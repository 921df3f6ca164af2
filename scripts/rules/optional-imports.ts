import ts from "typescript";
import manifest from "../../package.json" with { type: "json" };
import { forEachNode, placeOf, sourceFiles } from "../source-program.ts";

/**
 * Imports of optional peers outside `try`. Bundlers refuse a program over a package that is not installed, unless its import
 * stands inside `try`.
 */
export function findUnguardedImports(program: ts.Program): string[] {
  const faults: string[] = [];
  for (const file of sourceFiles(program)) {
    forEachNode(file, (node) => {
      const name = importedPackage(node);
      if (name !== undefined && !isInsideTry(node))
        faults.push(`${placeOf(node)}: ${name} is an optional peer. Write its import() inside try, for bundlers`);
    });
  }
  return faults;
}

/** The optional peer that a node imports when the program runs. */
function importedPackage(node: ts.Node): string | undefined {
  const text = specifierOf(node);
  return Object.keys(manifest.peerDependencies).find((peer) => text === peer || text?.startsWith(`${peer}/`));
}

function specifierOf(node: ts.Node): string | undefined {
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    return textOf(node.arguments[0]);
  if (ts.isExportDeclaration(node) && !node.isTypeOnly) return textOf(node.moduleSpecifier);
  const isOfTypes = !ts.isImportDeclaration(node) || node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
  return isOfTypes ? undefined : textOf(node.moduleSpecifier);
}

function textOf(specifier: ts.Node | undefined): string | undefined {
  return specifier && ts.isStringLiteral(specifier) ? specifier.text : undefined;
}

function isInsideTry(node: ts.Node): boolean {
  for (let at = node; at.parent && !ts.isFunctionLike(at); at = at.parent)
    if (ts.isTryStatement(at.parent) && at.parent.tryBlock === at) return true;
  return false;
}
