import type { Field } from "./field.ts";
import type { ValueTable } from "./value-table.ts";
import { absent, type Leaf, leafValue } from "./values.ts";

type OpenContainer = Record<string | number, unknown>;

/**
 * Puts the leading leaves of the fields together to one value. A field whose leader is "absent" is left out, a list
 * closes up over items that are, and a list or object that most rows have is there even if they agree on nothing in it.
 *
 * Two leaders never claim one place: where a leaf leads, more rows have it than have anything below it.
 */
export function assemble(table: ValueTable, leaders: ReadonlyMap<Field, Leaf>): unknown {
  const built = new Map<Field, OpenContainer>();
  const whole = { value: null as unknown };
  for (const [field, leaf] of leaders) if (leaf !== absent) place(leafValue(leaf), field, built, whole);
  for (const field of table.containers) {
    const isSettled = built.has(field) || (leaders.get(field) ?? absent) !== absent;
    const empty = isSettled ? undefined : commonContainer(field, table.rows);
    if (!empty) continue;
    place(empty, field, built, whole);
    built.set(field, empty);
  }
  for (const container of built.values()) if (Array.isArray(container)) closeUp(container);
  return whole.value;
}

/** Hangs a value into its container, which is made, and hung into its own, where it is not there yet. */
function place(value: unknown, field: Field, built: Map<Field, OpenContainer>, whole: { value: unknown }): void {
  let [child, content] = [field, value];
  for (let parent = child.parent; parent; parent = child.parent) {
    const known = built.get(parent);
    const container = known ?? ((typeof child.segment === "number" ? [] : {}) as OpenContainer);
    setOwn(container, child.segment, content);
    if (known) return;
    built.set(parent, container);
    [child, content] = [parent, container];
  }
  whole.value = content;
}

/** Like an assignment, and "__proto__" is a key like any other. */
function setOwn(container: OpenContainer, key: string | number, value: unknown): void {
  if (key !== "__proto__") container[key] = value;
  else Object.defineProperty(container, key, { value, enumerable: true, configurable: true, writable: true });
}

/** An empty container of the kind that more than half of the rows have at a field. */
function commonContainer({ listRows, objectRows }: Field, rows: number): OpenContainer | undefined {
  if (2 * listRows > rows) return [] as unknown as OpenContainer;
  return 2 * objectRows > rows ? {} : undefined;
}

function closeUp(list: unknown[]): void {
  const items = list.filter(() => true);
  list.splice(0, list.length, ...items);
}
