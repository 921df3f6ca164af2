import { InvalidOptionsError } from "../core/errors.ts";

/** One step of a JSON pointer (RFC 6901), escaped. */
export function escapeSegment(segment: string): string {
  return segment.replaceAll("~", "~0").replaceAll("/", "~1");
}

/**
 * The steps of a JSON pointer.
 *
 * @throws InvalidOptionsError where `pointer` is none
 */
export function pointerSegments(pointer: string, path: string): string[] {
  if (pointer === "") return [];
  if (!pointer.startsWith("/")) {
    const allowed = `a JSON pointer: "" for the whole answer, or "/" before each step, such as "/${pointer}"`;
    throw new InvalidOptionsError([{ path, given: pointer, allowed }]);
  }
  return pointer
    .slice(1)
    .split("/")
    .map((segment) => segment.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Whether a pointer is `above`, or points to something inside of what `above` points to. */
export function isAtOrBelow(pointer: string, above: string): boolean {
  return pointer === above || pointer.startsWith(`${above}/`);
}
