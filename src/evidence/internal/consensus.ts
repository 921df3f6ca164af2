import type { Agreement } from "./agreement.ts";
import type { Field } from "./field.ts";
import type { ValueTable } from "./value-table.ts";
import { absent, leafValue } from "./values.ts";

/**
 * Puts the leading leaves of the fields together to one value. A field whose leader is "absent" is left out, a list
 * closes up over items that are, and a list or object that most rows have is there even if they agree on nothing in it.
 *
 * Two leaders never claim one place: where a leaf leads, more rows have it than have anything below it.
 */
export function assemble({ containers, rows }: ValueTable, agreements: ReadonlyMap<Field, Agreement>): unknown {
  const assembly = new Assembly();
  for (const [field, { answers }] of agreements) {
    const { leaf } = answers[0];
    if (leaf !== absent) assembly.place(field, leafValue(leaf));
  }
  for (const field of containers) {
    const container = commonContainer(field, rows);
    if (container && !assembly.has(field)) assembly.place(field, container);
  }
  return assembly.finish();
}

/** An empty container of the kind that more than half of the rows have at a field. */
function commonContainer({ listRows, objectRows }: Field, rows: number): object | undefined {
  if (2 * listRows > rows) return [];
  return 2 * objectRows > rows ? {} : undefined;
}

/** A value that is made from the inside out. */
class Assembly {
  readonly #containers = new Map<Field, object>();
  #whole: unknown = null;

  /** Whether there is a list or an object at a field. */
  has(field: Field): boolean {
    return this.#containers.has(field);
  }

  /** Hangs a value into its container, which is made, and hung into its own, where it is not there yet. */
  place(field: Field, value: unknown): void {
    let [child, content] = [field, value];
    for (;;) {
      if (typeof content === "object" && content !== null) this.#containers.set(child, content);
      const { parent, segment } = child;
      if (!parent) break;
      const known = this.#containers.get(parent);
      const container = known ?? (typeof segment === "number" ? [] : {});
      setOwn(container, segment, content);
      if (known) return;
      [child, content] = [parent, container];
    }
    this.#whole = content;
  }

  /** The value, its lists without holes. */
  finish(): unknown {
    for (const container of this.#containers.values()) if (Array.isArray(container)) closeUp(container);
    return this.#whole;
  }
}

function closeUp(list: unknown[]): void {
  const items = list.filter(() => true);
  list.length = 0;
  for (const item of items) list.push(item);
}

/** Like an assignment, and "__proto__" is a key like any other. */
function setOwn(container: object, key: string | number, value: unknown): void {
  if (key !== "__proto__") (container as Record<string | number, unknown>)[key] = value;
  else Object.defineProperty(container, key, { value, enumerable: true, configurable: true, writable: true });
}
