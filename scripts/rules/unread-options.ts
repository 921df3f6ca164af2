import ts from "typescript";
import { forEachNode, placeOf, sourceFiles } from "../source-program.ts";

/** Options that are declared and never read: a knob that does nothing is a defect. */
export function findUnreadOptions(program: ts.Program): string[] {
  const checker = program.getTypeChecker();
  const read = new Set<ts.Declaration>();
  const handedOn = new Map<ts.Declaration, Set<ts.Declaration>>();
  const declared: ts.Symbol[] = [];
  for (const file of sourceFiles(program)) {
    forEachNode(file, (node) => {
      declared.push(...optionsDeclaredBy(node, checker));
      for (const declaration of readBy(node, checker)?.declarations ?? []) read.add(declaration);
      for (const [from, to] of handOver(node, checker)) handedOn.set(from, (handedOn.get(from) ?? new Set()).add(to));
    });
  }
  return declared
    .filter(({ declarations = [] }) => !reaches(declarations, handedOn, read))
    .map(({ name, declarations }) => `${placeOf(declarations?.[0] as ts.Node)}: the option "${name}" is never read`);
}

/** The entries of a call `declareOptions(name, place, entries)`. */
function optionsDeclaredBy(node: ts.Node, checker: ts.TypeChecker): ts.Symbol[] {
  if (!ts.isCallExpression(node) || node.expression.getText() !== "declareOptions") return [];
  const entries = node.arguments[2];
  return entries ? checker.getTypeAtLocation(entries).getProperties() : [];
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

/** Where an object goes into a place of another type, its properties live on under that type's: pairs of declarations. */
function handOver(node: ts.Node, checker: ts.TypeChecker): [ts.Declaration, ts.Declaration][] {
  if (!ts.isExpression(node) || ts.isLiteralExpression(node)) return [];
  const wanted = checker.getContextualType(node);
  if (!wanted || (wanted.flags & (ts.TypeFlags.Object | ts.TypeFlags.UnionOrIntersection)) === 0) return [];
  return ownProperties(checker.getTypeAtLocation(node)).flatMap((property) => {
    const target = checker.getNonNullableType(wanted).getProperty(property.name);
    return (property.declarations ?? []).flatMap((from) =>
      (target?.declarations ?? []).flatMap((to): [ts.Declaration, ts.Declaration][] =>
        from === to ? [] : [[from, to]],
      ),
    );
  });
}

/** Properties that were written down in this repository. */
function ownProperties(type: ts.Type): ts.Symbol[] {
  return type
    .getProperties()
    .filter(({ declarations }) => declarations?.some((one) => !one.getSourceFile().isDeclarationFile));
}

function reaches(
  from: readonly ts.Declaration[],
  handedOn: ReadonlyMap<ts.Declaration, ReadonlySet<ts.Declaration>>,
  read: ReadonlySet<ts.Declaration>,
): boolean {
  const seen = new Set(from);
  for (const declaration of seen) {
    if (read.has(declaration)) return true;
    for (const next of handedOn.get(declaration) ?? []) seen.add(next);
  }
  return false;
}
