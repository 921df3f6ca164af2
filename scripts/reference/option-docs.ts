import ts from "typescript";
import type { OptionsDeclaration } from "../../src/core/options.ts";
import { documentationOf, forEachNode, sourceFiles } from "../source-program.ts";

/** What the source says about options: the comment above each entry, and above each set or its interface. */
export interface OptionDocs {
  /** By the entry's schema object, since one entry may stand in several sets. */
  readonly entries: ReadonlyMap<object, string>;
  /** By the set's name. */
  readonly sets: ReadonlyMap<string, string>;
}

/** The part of a valibot schema that holds others. */
export interface SchemaShape {
  readonly wrapped?: SchemaShape;
  readonly entries?: Readonly<Record<string, SchemaShape>>;
}

/** Reads the comments of all `declareOptions(name, place, entries)` calls. */
export function readOptionDocs(program: ts.Program, declarations: readonly OptionsDeclaration<any>[]): OptionDocs {
  const checker = program.getTypeChecker();
  const entries = new Map<object, string>();
  const sets = new Map<string, string>();
  const declared = new Map(declarations.map((declaration) => [declaration.name, declaration]));

  const collect = (type: ts.Type, shapes: Readonly<Record<string, SchemaShape>>): void => {
    for (const property of type.getProperties()) {
      const shape = shapes[property.name];
      if (!shape) continue;
      const text = documentationOf(property, checker);
      if (text) entries.set(shape, text);
      const inside = propertyType(unwrapped(checker.getTypeOfSymbol(property), checker), "entries", checker);
      const shapesInside = entriesOf(shape);
      if (inside && shapesInside) collect(inside, shapesInside);
    }
  };

  const describeSet = (name: string, declaredAt: ts.Node): void => {
    const symbol = checker.getSymbolAtLocation(declaredAt);
    const text = symbol && documentationOf(symbol, checker);
    if (text) sets.set(name, text);
  };

  for (const file of sourceFiles(program)) {
    forEachNode(file, (node) => {
      if (ts.isInterfaceDeclaration(node) && declared.has(node.name.text)) describeSet(node.name.text, node.name);
      if (!ts.isCallExpression(node) || node.expression.getText() !== "declareOptions") return;
      const [name, , written] = node.arguments;
      const declaration = name && ts.isStringLiteral(name) ? declared.get(name.text) : undefined;
      if (!declaration || !written) return;
      collect(checker.getTypeAtLocation(written), declaration.entries);
      if (ts.isVariableDeclaration(node.parent)) describeSet(declaration.name, node.parent.name);
    });
  }
  return { entries, sets };
}

/** The entries inside a schema of nested options. */
export function entriesOf(shape: SchemaShape): Readonly<Record<string, SchemaShape>> | undefined {
  return shape.wrapped ? entriesOf(shape.wrapped) : shape.entries;
}

function unwrapped(type: ts.Type, checker: ts.TypeChecker): ts.Type {
  const inside = propertyType(type, "wrapped", checker);
  return inside ? unwrapped(inside, checker) : type;
}

function propertyType(type: ts.Type, name: string, checker: ts.TypeChecker): ts.Type | undefined {
  const property = type.getProperty(name);
  return property && checker.getTypeOfSymbol(property);
}
