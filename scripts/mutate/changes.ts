import ts from "typescript";
import type { Random } from "../../src/core/random.ts";

/** One small wrong change of a source text. */
export interface Change {
  readonly kind: string;
  readonly line: number;
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
}

/**
 * Draws wrong changes of a source text over its syntax tree: no two on one line, and of as many kinds as there are.
 *
 * @param compiles tells whether the compiler accepts a changed text: what it refuses needs no test
 * @returns at most `count` changes, in the order of their lines
 */
export function drawChanges(
  text: string,
  count: number,
  random: Random,
  compiles: (changed: string) => boolean,
): Change[] {
  const left = shuffle(findChanges(text), random);
  const drawn: Change[] = [];
  while (drawn.length < count && left.length > 0) {
    const freshest = left.reduce((best, change) => (timesDrawn(change) < timesDrawn(best) ? change : best));
    left.splice(left.indexOf(freshest), 1);
    if (drawn.some(({ line }) => line === freshest.line)) continue;
    if (compiles(applyChange(text, freshest))) drawn.push(freshest);
  }
  return drawn.sort((a, b) => a.line - b.line);

  function timesDrawn({ kind }: Change): number {
    return drawn.filter((change) => change.kind === kind).length;
  }
}

/** Applies a change to the text that it was drawn from. */
export function applyChange(text: string, { start, end, replacement }: Change): string {
  return text.slice(0, start) + replacement + text.slice(end);
}

function findChanges(text: string): Change[] {
  const file = ts.createSourceFile("module.ts", text, ts.ScriptTarget.Latest, true);
  const changes: Change[] = [];
  visit(file);
  return changes;

  function visit(node: ts.Node): void {
    for (const [kind, changed, replacement] of changesOf(node, file)) {
      const start = changed.getStart(file);
      const line = file.getLineAndCharacterOfPosition(start).line + 1;
      changes.push({ kind, line, start, end: changed.getEnd(), replacement });
    }
    // Types decide nothing, and words of an error are not its promise.
    ts.forEachChild(node, (child) => {
      if (!ts.isTypeNode(child) && !ts.isThrowStatement(child) && !ts.isTemplateExpression(child)) visit(child);
    });
  }
}

const otherOperator: Partial<Record<ts.SyntaxKind, string>> = {
  [ts.SyntaxKind.LessThanToken]: "<=",
  [ts.SyntaxKind.LessThanEqualsToken]: "<",
  [ts.SyntaxKind.GreaterThanToken]: ">=",
  [ts.SyntaxKind.GreaterThanEqualsToken]: ">",
  [ts.SyntaxKind.EqualsEqualsEqualsToken]: "!==",
  [ts.SyntaxKind.ExclamationEqualsEqualsToken]: "===",
  [ts.SyntaxKind.AmpersandAmpersandToken]: "||",
  [ts.SyntaxKind.BarBarToken]: "&&",
  [ts.SyntaxKind.PlusToken]: "-",
  [ts.SyntaxKind.MinusToken]: "+",
  [ts.SyntaxKind.PlusEqualsToken]: "-=",
  [ts.SyntaxKind.MinusEqualsToken]: "+=",
};

function* changesOf(node: ts.Node, file: ts.SourceFile): Generator<[kind: string, changed: ts.Node, as: string]> {
  const textOf = (part: ts.Node) => part.getText(file);
  if (ts.isIfStatement(node)) yield ["negate a condition", node.expression, `!(${textOf(node.expression)})`];
  if (ts.isIfStatement(node) && !node.elseStatement) yield ["drop a statement", node, ";"];
  if (ts.isExpressionStatement(node)) yield ["drop a statement", node, ";"];
  if (ts.isConditionalExpression(node)) {
    const { condition, whenTrue, whenFalse } = node;
    yield ["swap branches", node, `${textOf(condition)} ? (${textOf(whenFalse)}) : (${textOf(whenTrue)})`];
  }
  if (ts.isBinaryExpression(node)) {
    const { left, operatorToken, right } = node;
    const operator = otherOperator[operatorToken.kind];
    if (operator) yield ["take another operator", operatorToken, operator];
    if (operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken) yield ["drop a default", node, textOf(left)];
    else if (operator && /[<>&|]/.test(operator)) yield ["drop a condition", node, textOf(right)];
  }
  // Without the await, a promise that is given on is the same promise.
  if (ts.isAwaitExpression(node) && !ts.isReturnStatement(node.parent))
    yield ["drop an await", node, textOf(node.expression)];
  if (ts.isNumericLiteral(node) && !ts.isPropertyAssignment(node.parent))
    yield ["change a constant", node, String(Number(node.text.replaceAll("_", "")) * 10 + 1)];
  if (node.kind === ts.SyntaxKind.TrueKeyword) yield ["change a constant", node, "false"];
  if (node.kind === ts.SyntaxKind.FalseKeyword) yield ["change a constant", node, "true"];
  if (ts.isCallExpression(node) && node.arguments.length >= 2) {
    const [first, second, ...others] = node.arguments.map(textOf);
    if (first !== second && !node.arguments.some(ts.isSpreadElement))
      yield ["swap arguments", node, `${textOf(node.expression)}(${[second, first, ...others].join(", ")})`];
  }
  if (isVoidFunction(node) && node.body?.statements.length)
    yield ["return early", node.body, node.body.getText(file).replace("{", "{ return;")];
}

function isVoidFunction(node: ts.Node): node is ts.MethodDeclaration | ts.FunctionDeclaration {
  if (!ts.isMethodDeclaration(node) && !ts.isFunctionDeclaration(node)) return false;
  return /^(void|Promise<void>)$/.test(node.type?.getText() ?? "");
}

function shuffle<T>(items: readonly T[], random: Random): T[] {
  const keyed = items.map((item) => ({ item, place: random.next() }));
  return keyed.sort((a, b) => a.place - b.place).map(({ item }) => item);
}
