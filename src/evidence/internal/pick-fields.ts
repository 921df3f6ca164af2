import { pointerSegments } from "./pointer.ts";

/** Picks the values of an answer at some JSON pointers, at their places. Steps go into objects only: a list is taken whole. */
export function pickFields(value: unknown, pointers: readonly string[]): unknown {
  return pick(value, pathsOf(pointers));
}

/** An answer with what another one says at some JSON pointers in place of its own. */
export function replaceFields(value: unknown, other: unknown, pointers: readonly string[]): unknown {
  return replace(value, other, pathsOf(pointers));
}

type Path = readonly string[];

function pathsOf(pointers: readonly string[]): Path[] {
  return pointers.map((pointer) => pointerSegments(pointer, "fields"));
}

function pick(value: unknown, paths: readonly Path[]): unknown {
  if (!isObject(value) || paths.some(isEnd)) return value;
  const below = byFirstStep(paths);
  const picked = Object.entries(value).filter(([name]) => below.has(name));
  return Object.fromEntries(picked.map(([name, part]) => [name, pick(part, below.get(name) ?? [])]));
}

function replace(value: unknown, other: unknown, paths: readonly Path[]): unknown {
  if (paths.some(isEnd)) return other;
  const [own, others] = [entriesOf(value), entriesOf(other)];
  for (const [name, inner] of byFirstStep(paths)) {
    if (others.has(name)) own.set(name, replace(own.get(name), others.get(name), inner));
    else own.delete(name);
  }
  return Object.fromEntries(own);
}

function isEnd(path: Path): boolean {
  return path.length === 0;
}

function byFirstStep(paths: readonly Path[]): Map<string, Path[]> {
  const below = new Map<string, Path[]>();
  for (const [first = "", ...others] of paths) below.set(first, [...(below.get(first) ?? []), others]);
  return below;
}

function entriesOf(value: unknown): Map<string, unknown> {
  return new Map(isObject(value) ? Object.entries(value) : []);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
