import { showCount } from "../../../src/cli/progress/format.ts";
import type { Strip } from "../data/source.ts";
import { Badge } from "../parts.tsx";
import { addressOf } from "../place.ts";

/** State of the service on one line: what runs, waits and pauses. */
export function ServiceStrip({
  strip: { isConnected, running, waiting, retrying, circuits, pauses },
}: {
  readonly strip: Strip;
}) {
  return (
    <section class="strip" aria-label="The service">
      <span role="status">
        <Badge state={isConnected ? "connected" : isConnected === undefined ? "connecting" : "reconnecting"} />
      </span>
      <Going count={running + retrying} state="running" />
      {waiting > 0 && <span>{showCount(waiting)} of them without a worker</span>}
      <Going count={retrying} state="retrying" />
      {circuits.map(({ name, state }) => (
        <span key={name} class="circuit">
          <b>{name}</b> {state}
        </span>
      ))}
      {pauses.map(({ name, seconds }) => (
        <span key={name} class="pause-note">
          <b>{name}</b>, again in {seconds} s
        </span>
      ))}
    </section>
  );
}

/** A count of runs that leads to them. */
function Going({ count, state }: { readonly count: number; readonly state: "running" | "retrying" }) {
  if (count === 0) return <span class="soft">none {state}</span>;
  return (
    <a class={`going ${state}`} href={addressOf("runs", "", { state })}>
      {showCount(count)} {state}
    </a>
  );
}
