import ts from "typescript";
import { documentationOf, publicSymbols } from "../source-program.ts";
import { tableOf } from "./table.ts";

const preface = `# Errors

Every error class of the package, from the code. Each has a literal \`code\`, its facts as fields, and a message that says
what happened, the value, the limit and what to do next. \`isOrchestratorError(error)\` narrows what was caught to these,
and \`SomeError.isInstance(error)\` is \`instanceof\` that also holds across duplicate copies of the package.`;

/** `docs/reference/errors.md`: one section for each public class with a `code` of its own. */
export function errorsPage(program: ts.Program): string {
  const checker = program.getTypeChecker();
  const sections = publicSymbols(program)
    .flatMap((symbol) => describeError(symbol, checker))
    .toSorted((a, b) => a.name.localeCompare(b.name))
    .map(({ name, code, text, fields }) => {
      const table = fields.length > 0 ? `\n\n${tableOf(["field", "type", "what it says"], fields)}` : "";
      return `## ${name}\n\n\`code: "${code}"\`\n\n${text}${table}`;
    });
  return `${[preface, ...sections].join("\n\n")}\n`;
}

interface ErrorFacts {
  name: string;
  code: string;
  text: string;
  fields: string[][];
}

/** The facts of a class whose prototype chain holds Error and whose `code` is one literal. */
function describeError(symbol: ts.Symbol, checker: ts.TypeChecker): ErrorFacts[] {
  if ((symbol.flags & ts.SymbolFlags.Class) === 0) return [];
  const type = checker.getDeclaredTypeOfSymbol(symbol);
  const code = type.getProperty("code");
  const codeType = code && checker.getTypeOfSymbol(code);
  if (!codeType?.isStringLiteral() || !type.getProperty("stack")) return [];
  const fields = type.getProperties().filter((property) => property !== code && isOwnField(property));
  const { name } = symbol;
  return [
    {
      name,
      code: codeType.value,
      text: documented(symbol, name, checker),
      fields: fields.map((field) => rowOf(field, name, checker)),
    },
  ];
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
