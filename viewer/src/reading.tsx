import { showCount } from "../../src/cli/progress/format.ts";
import { cutLine, textOf } from "./parts.tsx";

const deepest = 4;
const mostEntries = 200;

/** A value as people read it: of an object each name with its value, of a list one entry a line, a text as it is. */
export function Reading({ value, depth = 0 }: { readonly value: unknown; readonly depth?: number }) {
  if (typeof value === "string") return value === "" ? <i class="soft">empty</i> : <p class="text">{textOf(value)}</p>;
  if (typeof value !== "object" || value === null) return <code>{JSON.stringify(value) ?? ""}</code>;
  const entries = Object.entries(value);
  if (entries.length === 0 || depth >= deepest) return <pre tabIndex={0}>{textOf(value)}</pre>;
  const shown = entries.slice(0, mostEntries);
  const more = entries.length > shown.length && (
    <p class="soft">… and {showCount(entries.length - shown.length)} more</p>
  );
  if (Array.isArray(value))
    return (
      <>
        <ul class="reading-list">
          {shown.map(([name, entry]) => (
            <li key={name} class="said">
              <Reading value={entry} depth={depth + 1} />
            </li>
          ))}
        </ul>
        {more}
      </>
    );
  return (
    <>
      <dl class="reading">
        {shown.map(([name, entry]) => (
          <div key={name}>
            <dt class="said">{cutLine(name, 80)}</dt>
            <dd class="said">
              <Reading value={entry} depth={depth + 1} />
            </dd>
          </div>
        ))}
      </dl>
      {more}
    </>
  );
}
