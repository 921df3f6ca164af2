import type { Field } from "./field.ts";
import { absent, type Leaf, leafValue } from "./values.ts";

/**
 * Puts the leading leaves of the fields together to one value; a field whose leader is "absent" is left out, and a list
 * closes up over items that are. Two leaders never claim one place: a leaf that leads at a pointer has more votes than
 * anything below it.
 */
export function assemble(leaders: ReadonlyMap<Field, Leaf>): unknown {
  const built = new Map<Field, Record<string | number, unknown>>();
  const whole = { value: undefined as unknown };
  for (const [field, leaf] of leaders) if (leaf !== absent) place(leafValue(leaf), field, built, whole);
  for (const container of built.values()) if (Array.isArray(container)) closeUp(container);
  return whole.value;
}

/** Hangs a value into its container, which is made, and hung into its own, where it is not there yet. */
function place(
  value: unknown,
  field: Field,
  built: Map<Field, Record<string | number, unknown>>,
  whole: { value: unknown },
): void {
  let [child, content] = [field, value];
  for (let parent = child.parent; parent; parent = child.parent) {
    const known = built.get(parent);
    const container = known ?? ((typeof child.segment === "number" ? [] : {}) as Record<string | number, unknown>);
    setOwn(container, child.segment, content);
    if (known) return;
    built.set(parent, container);
    [child, content] = [parent, container];
  }
  whole.value = content;
}

/** Like an assignment, and "__proto__" is a key like any other. */
function setOwn(container: Record<string | number, unknown>, key: string | number, value: unknown): void {
  if (key !== "__proto__") container[key] = value;
  else Object.defineProperty(container, key, { value, enumerable: true, configurable: true, writable: true });
}

function closeUp(list: unknown[]): void {
  const items = list.filter(() => true);
  list.splice(0, list.length, ...items);
}
