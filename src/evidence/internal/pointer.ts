import { InvalidOptionsError } from "../../core/errors.ts";

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

/** Tells if a pointer is `above`, or inside what `above` points to; `*` in `above` stands for any list index. */
export function isAtOrBelow(pointer: string, above: string): boolean {
  if (!above.includes("*")) return pointer === above || pointer.startsWith(`${above}/`);
  const steps = pointer.split("/");
  return above.split("/").every((step, at) => step === steps[at] || (step === "*" && /^\d+$/.test(steps[at] ?? "")));
}
