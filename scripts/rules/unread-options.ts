import ts from "typescript";
import { forEachNode, placeOf, sourceFiles } from "../source-program.ts";

/** Options that are declared and never read: a knob that does nothing is a defect. */
export function findUnreadOptions(program: ts.Program): string[] {
  const checker = program.getTypeChecker();
  const files = sourceFiles(program);
  const read = new Set<ts.Declaration>();
  for (const file of files) {
    forEachNode(file, (node) => {
      for (const declaration of readBy(node, checker)?.declarations ?? []) read.add(declaration);
    });
  }
  const declared = files.flatMap((file) => declaredOptions(file, checker));
  return declared
    .filter(({ declarations }) => !declarations?.some((declaration) => read.has(declaration)))
    .map(({ name, declarations }) => `${placeOf(declarations?.[0] as ts.Node)}: the option "${name}" is never read`);
}

/** The entries of every `declareOptions(name, place, entries)` in a file. */
function declaredOptions(file: ts.SourceFile, checker: ts.TypeChecker): ts.Symbol[] {
  const options: ts.Symbol[] = [];
  forEachNode(file, (node) => {
    if (!ts.isCallExpression(node) || node.expression.getText() !== "declareOptions") return;
    const entries = node.arguments[2];
    if (entries) options.push(...checker.getTypeAtLocation(entries).getProperties());
  });
  return options;
}

/** The property that an expression or a pattern reads: `options.k`, `options["k"]`, `{ k }`. */
function readBy(node: ts.Node, checker: ts.TypeChecker): ts.Symbol | undefined {
  if (ts.isPropertyAccessExpression(node)) return checker.getSymbolAtLocation(node.name);
  if (ts.isElementAccessExpression(node)) {
    const { expression, argumentExpression } = node;
    return ts.isStringLiteral(argumentExpression)
      ? checker.getTypeAtLocation(expression).getProperty(argumentExpression.text)
      : undefined;
  }
  if (!ts.isBindingElement(node) || node.dotDotDotToken) return undefined;
  const name = node.propertyName ?? node.name;
  return ts.isIdentifier(name) ? checker.getTypeAtLocation(node.parent).getProperty(name.text) : undefined;
}
