import ts from "typescript";
import { forEachNode, pathOf, placeOf, sourceFiles } from "../source-program.ts";

/** Where time and chance come from the machine; everywhere else they are injected. */
const sources = /^src\/(core|testing)\//;

const advice: Record<string, string> = {
  "Date.now": "clock.now() of core/clock.ts",
  "new Date()": "new Date(clock.now())",
  "Math.random": "random.next() of core/random.ts",
  performance: "clock.now() of core/clock.ts",
  setTimeout: "clock.sleep() of core/clock.ts",
  setInterval: "clock.sleep() of core/clock.ts",
  setImmediate: "clock.sleep() of core/clock.ts",
  "AbortSignal.timeout": "a CancelScope of core/signal.ts with the injected clock",
};

/** Uses of the machine's clock, timers and random numbers where an injected one belongs. */
export function findAmbientTimeAndChance(program: ts.Program): string[] {
  const faults: string[] = [];
  for (const file of sourceFiles(program).filter((file) => !sources.test(pathOf(file)))) {
    forEachNode(file, (node) => {
      const used = ambientUse(node, program.getTypeChecker());
      if (used !== undefined) faults.push(`${placeOf(node)}: ${used} is not injected; use ${advice[used]}`);
    });
  }
  return faults;
}

function ambientUse(node: ts.Node, checker: ts.TypeChecker): string | undefined {
  if (ts.isNewExpression(node) && node.expression.getText() === "Date" && !node.arguments?.length) return "new Date()";
  if (ts.isPropertyAccessExpression(node)) return knownUse(node.getText());
  const isGlobal = ts.isIdentifier(node) && !ts.isPropertyAccessExpression(node.parent) && isAmbient(node, checker);
  return isGlobal ? knownUse(node.text) : undefined;
}

function knownUse(text: string): string | undefined {
  return Object.hasOwn(advice, text) ? text : undefined;
}

/** Whether a name is the platform's own, not a parameter or variable of ours. */
function isAmbient(name: ts.Identifier, checker: ts.TypeChecker): boolean {
  const declarations = checker.getSymbolAtLocation(name)?.declarations ?? [];
  return declarations.length > 0 && declarations.every((declaration) => declaration.getSourceFile().isDeclarationFile);
}
