import * as v from "valibot";
import type { OptionFacts, OptionsDeclaration } from "../../src/core/options.ts";
import { entriesOf, type OptionDocs, type SchemaShape } from "./option-docs.ts";
import { tableOf } from "./table.ts";

const preface = `# Options

Every option, from the declarations that also check it. Durations are milliseconds, money is US dollars. An option that
is left out, or \`undefined\`, has its default; an unknown one is refused.`;

/** `docs/reference/options.md`: one section for each declared set of options. */
export function optionsPage(declarations: readonly OptionsDeclaration<any>[], docs: OptionDocs): string {
  const sections = declarations.toSorted((a, b) => a.name.localeCompare(b.name)).map((set) => section(set, docs));
  return `${[preface, ...sections].join("\n\n")}\n`;
}

function section({ name, place, entries }: OptionsDeclaration<any>, docs: OptionDocs): string {
  const text = docs.sets.get(name);
  if (!text)
    throw new Error(`The option set ${name} needs a comment, on its declaration or on the interface of that name.`);
  const table = tableOf(["option", "allowed", "default", "what it does"], rowsOf(entries, "", docs));
  return `## ${name}\n\n${text} Given as \`${place}\`.\n\n${table}`;
}

function rowsOf(entries: Readonly<Record<string, SchemaShape>>, prefix: string, docs: OptionDocs): string[][] {
  return Object.entries(entries).flatMap(([name, schema]) => {
    const path = `${prefix}${name}`;
    const inside = entriesOf(schema);
    return [rowOf(path, schema, docs), ...(inside ? rowsOf(inside, `${path}.`, docs) : [])];
  });
}

function rowOf(path: string, schema: SchemaShape, docs: OptionDocs): string[] {
  const text = docs.entries.get(schema);
  if (!text) throw new Error(`The option ${path} needs a comment above its declaration.`);
  const [, what = text, saidDefault] = /^(.*?)\s*Default: (.*?)\.?$/s.exec(text) ?? [];
  const known = v.getDefault(schema as v.GenericSchema);
  const standing = saidDefault ?? (known === undefined ? "none" : `\`${JSON.stringify(known)}\``);
  return [`\`${path}\``, allowedBy(schema), standing, what];
}

/** The phrase that the check itself uses in its error. */
function allowedBy(schema: SchemaShape & { message?: unknown; key?: unknown }): string {
  if (schema.wrapped) return allowedBy(schema.wrapped);
  const { allowed } = v.getMetadata(schema as v.GenericSchema) as Partial<OptionFacts>;
  if (allowed !== undefined) return allowed;
  return typeof schema.message === "string" ? schema.message : "an object with the options below";
}
