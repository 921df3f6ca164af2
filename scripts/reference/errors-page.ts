import ts from "typescript";
import { documentationOf, publicSymbols } from "../source-program.ts";
import { tableOf } from "./table.ts";

const preface = `# Errors

Every public error class, from the code. Each message says what happened, the value, the limit and what to do next; the facts
are fields.`;

const groups = {
  "What a run rejects with": `Each has a literal \`code\`. \`isOrchestratorError(error)\` narrows what was caught to these, so that
\`switch (error.code)\` narrows further; \`BudgetExceeded.isInstance(error)\` is \`instanceof\` that also holds across
duplicate copies of the package.`,
  "What single parts throw": `Parts that are used alone throw these, and tools may. Inside a run they are classified, retried or not,
and end as plain data in \`output.errors\`.`,
};

interface ErrorFacts {
  readonly name: string;
  readonly group: keyof typeof groups;
  readonly code: string | undefined;
  readonly text: string;
  readonly fields: readonly (readonly string[])[];
}

/** `docs/reference/errors.md`: a section for each public class that is an error. */
export function errorsPage(program: ts.Program): string {
  const checker = program.getTypeChecker();
  const errors = publicSymbols(program)
    .flatMap((symbol) => describeError(symbol, checker))
    .toSorted((a, b) => a.name.localeCompare(b.name));
  const sections = Object.entries(groups).flatMap(([group, text]) => [
    `## ${group}\n\n${text}`,
    ...errors.filter((error) => error.group === group).map(sectionOf),
  ]);
  return `${[preface, ...sections].join("\n\n")}\n`;
}

function sectionOf({ name, code, text, fields }: ErrorFacts): string {
  const title = code === undefined ? `### ${name}` : `### ${name}\n\n\`code: "${code}"\``;
  const table = fields.length > 0 ? `\n\n${tableOf(["field", "type", "what it says"], fields)}` : "";
  return `${title}\n\n${text}${table}`;
}

function describeError(symbol: ts.Symbol, checker: ts.TypeChecker): ErrorFacts[] {
  if ((symbol.flags & ts.SymbolFlags.Class) === 0) return [];
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  if (!type.getProperty("stack") || isAbstract(symbol)) return [];
  const code = type.getProperty("code");
  const codeType = code && checker.getTypeOfSymbol(code);
  const { name } = symbol;
  return [
    {
      name,
      group: ancestorsOf(type).includes("OrchestratorError") ? "What a run rejects with" : "What single parts throw",
      code: codeType?.isStringLiteral() ? codeType.value : undefined,
      text: documented(symbol, name, checker),
      fields: type
        .getProperties()
        .filter((property) => property !== code && isOwnField(property))
        .map((field) => rowOf(field, name, checker)),
    },
  ];
}

function isAbstract({ valueDeclaration }: ts.Symbol): boolean {
  return (
    valueDeclaration !== undefined && (ts.getCombinedModifierFlags(valueDeclaration) & ts.ModifierFlags.Abstract) !== 0
  );
}

function ancestorsOf(type: ts.Type): string[] {
  return (type.getBaseTypes() ?? []).flatMap((base) => [base.symbol.name, ...ancestorsOf(base)]);
}

function isOwnField({ valueDeclaration }: ts.Symbol): boolean {
  return (
    valueDeclaration !== undefined &&
    ts.isPropertyDeclaration(valueDeclaration) &&
    !valueDeclaration.getSourceFile().isDeclarationFile
  );
}

function rowOf(field: ts.Symbol, owner: string, checker: ts.TypeChecker): string[] {
  const type = checker.typeToString(checker.getTypeOfSymbol(field), undefined, ts.TypeFormatFlags.NoTruncation);
  const isOptional = (field.flags & ts.SymbolFlags.Optional) !== 0;
  const name = `\`${field.name}${isOptional ? "?" : ""}\``;
  return [name, `\`${type}\``, documented(field, `${owner}.${field.name}`, checker)];
}

function documented(symbol: ts.Symbol, name: string, checker: ts.TypeChecker): string {
  const text = documentationOf(symbol, checker);
  if (!text) throw new Error(`${name} needs a comment: errors are explained on their reference page.`);
  return text;
}
