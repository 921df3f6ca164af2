import { signal } from "@preact/signals";

/** Place where a person is: all state that a link can carry stands in the address, behind `#`. */
export interface Place {
  readonly screen: "runs" | "run" | "review";
  /** Run that is shown. */
  readonly id: string;
  readonly query: URLSearchParams;
}

export const place = signal(placeIn(location.hash));

addEventListener("hashchange", () => {
  place.value = placeIn(location.hash);
});

function placeIn(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [screen, id = ""] = path.split("/");
  const known = screen === "run" || screen === "review" ? screen : "runs";
  return { screen: known, id: decoded(id), query: new URLSearchParams(query) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Changes to the query; `undefined` takes a name out. */
export type QueryChange = Readonly<Record<string, string | undefined>>;

/** Address of a screen, with the query as it is but for these changes. */
export function addressOf(screen: Place["screen"], id = "", change: QueryChange = {}): string {
  const query = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  return `#/${screen}${id === "" ? "" : `/${encodeURIComponent(id)}`}${text === "" ? "" : `?${text}`}`;
}

/** Changes the query of this screen without a step to go back to. */
export function changeQuery(change: QueryChange): void {
  const { screen, id } = place.value;
  history.replaceState(null, "", addressOf(screen, id, change));
  place.value = placeIn(location.hash);
}

export function goTo(address: string): void {
  location.hash = address.slice(1);
}
