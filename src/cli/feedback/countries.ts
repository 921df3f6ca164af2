/**
 * Returns a text without the country behind its place: `Paris` of `Paris, France`, and undefined of a text that ends with none.
 */
export function withoutCountry(text: string): string | undefined {
  const [, place, area = ""] = /^([^,]+), ([^,.]+)\.?$/.exec(text.trim()) ?? [];
  countries ??= countryNames();
  return place !== undefined && countries.has(area) && !countries.has(place) ? place : undefined;
}

let countries: Set<string> | undefined;

/** English names of all regions that the runtime knows, and the names by which some are called. */
function countryNames(): Set<string> {
  const names = new Intl.DisplayNames("en", { type: "region", fallback: "none" });
  const letters = Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  const codes = letters.flatMap((first) => letters.map((second) => first + second));
  return new Set(["UK", "USA", "England", "Scotland", "Wales", ...codes.flatMap((code) => names.of(code) ?? [])]);
}
